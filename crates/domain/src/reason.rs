//! Why a row was refused, left alone or failed: stable codes, each with a sentence and a fix.

use crate::states::words;
use serde::{Deserialize, Serialize};

words! {
    /// A stable, documented code. A code's meaning never changes; a new meaning is a new code.
    Reason {
        /// Not 18 to 22 digits.
        IccidMalformed = "ICCID_MALFORMED",
        /// Not 7 to 15 digits.
        NumberMalformed = "NUMBER_MALFORMED",
        /// Unknown, and its check digit is wrong.
        IccidCheckDigit = "ICCID_CHECK_DIGIT",
        /// A spreadsheet kept 15 digits and lost the rest.
        IccidExcelRounded = "ICCID_EXCEL_ROUNDED",
        /// Longer than the field takes.
        FieldTooLong = "FIELD_TOO_LONG",
        /// An earlier row names the same SIM.
        DuplicateInInput = "DUPLICATE_IN_INPUT",
        /// No such SIM at this service provider, in this tenant.
        DeviceNotFound = "DEVICE_NOT_FOUND",
        /// Several SIMs go by this number.
        DeviceAmbiguous = "DEVICE_AMBIGUOUS",
        /// The SIM is archived.
        DeviceArchived = "DEVICE_ARCHIVED",
        /// The carrier says the SIM is not active.
        DeviceNotActive = "DEVICE_NOT_ACTIVE",
        /// Everything is already as asked.
        AlreadyAssignedSame = "ALREADY_ASSIGNED_SAME",
        /// The SIM is another customer's.
        AlreadyAssignedOther = "ALREADY_ASSIGNED_OTHER",
        /// The customer is billed for the SIM already.
        ActiveServiceLineSameCustomer = "ACTIVE_SERVICE_LINE_SAME_CUSTOMER",
        /// Another account is billed for the SIM.
        ActiveServiceLineOtherCustomer = "ACTIVE_SERVICE_LINE_OTHER_CUSTOMER",
        /// The row names a service provider that this tenant has not.
        ServiceProviderNotFound = "SERVICE_PROVIDER_NOT_FOUND",
        /// No such customer in this tenant.
        CustomerNotFound = "CUSTOMER_NOT_FOUND",
        /// Several customers go by that name or number.
        CustomerAmbiguous = "CUSTOMER_AMBIGUOUS",
        /// The customer's account is closed.
        CustomerClosed = "CUSTOMER_CLOSED",
        /// The customer is outside what the caller is confined to.
        CustomerNotPermitted = "CUSTOMER_NOT_PERMITTED",
        /// The customer has no such site.
        SiteNotFound = "SITE_NOT_FOUND",
        /// The customer has several sites and none was named.
        SiteAmbiguous = "SITE_AMBIGUOUS",
        /// No such customer rate plan.
        PlanNotFound = "PLAN_NOT_FOUND",
        /// The customer rate plan is another service provider's.
        PlanNotForCarrier = "PLAN_NOT_FOR_CARRIER",
        /// No such customer rate pool.
        PoolNotFound = "POOL_NOT_FOUND",
        /// The pool is another service provider's.
        PoolMismatch = "POOL_MISMATCH",
        /// No such product or package at Rev.io.
        ProductNotFound = "PRODUCT_NOT_FOUND",
        /// Not a rate.
        RateInvalid = "RATE_INVALID",
        /// Products and rates do not pair up.
        ProductsAndRatesDiffer = "PRODUCTS_AND_RATES_DIFFER",
        /// No such provider, service type or usage plan group at Rev.io.
        BillingItemNotFound = "BILLING_ITEM_NOT_FOUND",
        /// No such line of the customer.
        ServiceNotFound = "SERVICE_NOT_FOUND",
        /// The line bills another SIM.
        ServiceInUse = "SERVICE_IN_USE",
        /// A line needs the SIM's number.
        NumberMissing = "NUMBER_MISSING",
        /// The customer has no account at Rev.io.
        NotARevCustomer = "NOT_A_REV_CUSTOMER",
        /// Not a date that a change can take effect on.
        EffectiveDateInvalid = "EFFECTIVE_DATE_INVALID",
        /// Not a data allocation.
        AllocationInvalid = "ALLOCATION_INVALID",
        /// Nothing may be changed at the carrier through this service provider.
        CarrierWriteDisabled = "CARRIER_WRITE_DISABLED",
        /// The carrier cannot do what is asked.
        CarrierNotSupported = "CARRIER_NOT_SUPPORTED",
        /// The carrier has suspended the SIM, and changes no plan meanwhile.
        CarrierSuspended = "CARRIER_SUSPENDED",
        /// The carrier changes a SIM's plan only so often in a month.
        CarrierChangeQuota = "CARRIER_CHANGE_QUOTA",
        /// Not an IMEI.
        ImeiMalformed = "IMEI_MALFORMED",
        /// An activation takes the IMEI.
        ImeiMissing = "IMEI_MISSING",
        /// Something that an activation takes is missing, or is nothing the carrier takes.
        ActivationInvalid = "ACTIVATION_INVALID",
        /// The SIM is outside what the caller may change.
        Forbidden = "FORBIDDEN",
        /// Another running change holds the SIM.
        LockedByOtherChange = "LOCKED_BY_OTHER_CHANGE",
        /// Something the plan was judged on has moved.
        StaleSincePlan = "STALE_SINCE_PLAN",
        /// The database would not take this row.
        PoisonRow = "POISON_ROW",
        /// Rev.io refused what was to be billed; nothing of it remains there.
        BillingRejected = "BILLING_REJECTED",
        /// What was to be billed never arrived at Rev.io; nothing of it remains there.
        BillingTimeout = "BILLING_TIMEOUT",
        /// The carrier refused what was to be done; nothing of the row remains outside.
        CarrierRejected = "CARRIER_REJECTED",
        /// What the carrier was to do has not come about.
        CarrierTimeout = "CARRIER_TIMEOUT",
        /// Nobody knows whether something has happened outside.
        OutcomeUnknown = "OUTCOME_UNKNOWN",
        /// Several things could be what was made, or somebody else's is.
        FoundSeveral = "FOUND_SEVERAL",
        /// Something that was done cannot be taken back from here.
        UndoNotDone = "UNDO_NOT_DONE",
        /// Whether what was done is taken back is for a person to say.
        UndoToBeApproved = "UNDO_TO_BE_APPROVED",
        /// A person cancelled the rest of the change.
        CancelledByUser = "CANCELLED_BY_USER",
        /// A person closed the row as not done.
        ClosedByUser = "CLOSED_BY_USER",
        /// An undo would take back what somebody did later.
        ChangedSince = "CHANGED_SINCE",
        /// What the change did at Rev.io cannot be taken back from here.
        CannotBeUndone = "CANNOT_BE_UNDONE",
        /// An undo has nothing to go back to.
        NoAssignmentBefore = "NO_ASSIGNMENT_BEFORE",
    }
}

impl Reason {
    /// What is wrong, in one sentence for the person who sent the row.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::IccidMalformed => "This is not an ICCID: it takes 18 to 22 digits.",
            Self::NumberMalformed => "This is not a subscriber number: it takes 7 to 15 digits.",
            Self::DeviceAmbiguous => "Several SIMs go by this number.",
            Self::IccidCheckDigit => {
                "No SIM has this ICCID, and its check digit does not fit: a digit is probably mistyped."
            }
            Self::IccidExcelRounded => "A spreadsheet rounded this ICCID to 15 digits; the rest of it is lost.",
            Self::FieldTooLong => "The value is longer than this field takes.",
            Self::DuplicateInInput => "An earlier row of this input names the same SIM.",
            Self::DeviceNotFound => "No SIM with this ICCID or number is at this service provider.",
            Self::DeviceArchived => "The SIM is archived.",
            Self::DeviceNotActive => "The carrier says that the SIM is not active.",
            Self::AlreadyAssignedSame => "The SIM is already assigned exactly as asked.",
            Self::AlreadyAssignedOther => "The SIM is assigned to another customer.",
            Self::ActiveServiceLineOtherCustomer => {
                "Rev.io bills another customer for this SIM: it has an active line there."
            }
            Self::ActiveServiceLineSameCustomer => {
                "Rev.io bills the customer for this SIM already: it has an active line there, and no second one is opened."
            }
            Self::ProductNotFound => "The customer's account at Rev.io has no such active product or package.",
            Self::RateInvalid => {
                "The rate is not a plain number from 0 with at most four decimals, or there is none for the product."
            }
            Self::ProductsAndRatesDiffer => {
                "Products and rates do not pair up: it takes one rate for each product, and each product once."
            }
            Self::BillingItemNotFound => {
                "The customer's account at Rev.io has no such active provider, service type or usage plan group."
            }
            Self::ServiceNotFound => "The customer has no such line at Rev.io that is not disconnected.",
            Self::ServiceInUse => "The line at Rev.io bills another SIM, or an earlier row takes it.",
            Self::NumberMissing => "The SIM has no subscriber number, and a line at Rev.io is known by that.",
            Self::NotARevCustomer => "The customer has no account at Rev.io, so there is nobody to be billed there.",
            Self::EffectiveDateInvalid => {
                "The effective date is not a date such as 2027-01-31, from 1990 to three years from now."
            }
            Self::ServiceProviderNotFound => "There is no such service provider.",
            Self::CustomerNotFound => "There is no such customer.",
            Self::CustomerAmbiguous => "Several customers go by this name or number.",
            Self::CustomerClosed => "The customer's account is closed.",
            Self::CustomerNotPermitted => "You may not assign to this customer.",
            Self::Forbidden => "You may not change this SIM: it is at a site or a carrier that is not yours to change.",
            Self::SiteNotFound => "The customer has no such active site.",
            Self::SiteAmbiguous => "The customer has several sites, and none was named.",
            Self::PlanNotFound => "There is no such active customer or carrier rate plan.",
            Self::PlanNotForCarrier => "The customer or carrier rate plan is for another service provider.",
            Self::CarrierWriteDisabled => "Nothing may be changed at the carrier through this service provider.",
            Self::CarrierNotSupported => "The carrier cannot do what is asked, or not from here.",
            Self::CarrierSuspended => "The carrier has suspended the SIM, and does not change its plan meanwhile.",
            Self::CarrierChangeQuota => {
                "The carrier changes the plan of a SIM only so often in a calendar month, and that has been done."
            }
            Self::ImeiMalformed => "This is not an IMEI: it takes 14 to 16 digits.",
            Self::ImeiMissing => {
                "The carrier activates a SIM together with the IMEI of its radio, and neither the row nor the SIM has one."
            }
            Self::ActivationInvalid => {
                "Something that an activation takes is missing, or has characters that the carrier does not take."
            }
            Self::PoolNotFound => "There is no such active customer rate pool.",
            Self::PoolMismatch => "The customer rate pool is for another service provider.",
            Self::AllocationInvalid => {
                "The data allocation is not a number of MB from 0 to 999999999 with at most four decimals."
            }
            Self::LockedByOtherChange => "Another running change holds this SIM.",
            Self::StaleSincePlan => {
                "The SIM, its assignment or the target has changed since the plan was made; it was left alone."
            }
            Self::PoisonRow => "The database refused this row; nothing of it was done.",
            Self::BillingRejected => "Rev.io refused what was to be billed; nothing of it remains there.",
            Self::BillingTimeout => "What was to be billed did not arrive at Rev.io; nothing of it remains there.",
            Self::CarrierRejected => {
                "The carrier refused what was to be done; what the row had done before was taken back."
            }
            Self::CarrierTimeout => "What the carrier was to do has not come about.",
            Self::OutcomeUnknown => "Something was sent outside, and it cannot be found out whether it has happened.",
            Self::FoundSeveral => {
                "Several things at the provider could be what was made, or what is there is somebody else's."
            }
            Self::UndoNotDone => "Something that was done outside cannot be taken back from here.",
            Self::UndoToBeApproved => "The row could not be finished; what was done of it waits for a person's word.",
            Self::CancelledByUser => "A person cancelled the rest of the change before this row had begun.",
            Self::ClosedByUser => "A person looked at the row and closed it as not done.",
            Self::ChangedSince => {
                "The SIM's assignment has been changed again since; putting it back would undo that, too."
            }
            Self::CannotBeUndone => "What the change did at Rev.io cannot be taken back from here.",
            Self::NoAssignmentBefore => "Before that change the SIM had no assignment to go back to.",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::IccidMalformed => "Copy the ICCID from the carrier's export, as text.",
            Self::NumberMalformed => "Copy the number from the carrier's export, with or without the country code.",
            Self::DeviceAmbiguous => {
                "Name the SIM by its ICCID; if several service providers have that ICCID, name the service provider, too."
            }
            Self::IccidCheckDigit => "Compare the ICCID with the SIM or the carrier's export and correct the digit.",
            Self::IccidExcelRounded => "Export the list again and open it with the ICCID column set to text.",
            Self::FieldTooLong => "Shorten the value; an ICCID has at most 22 digits.",
            Self::DuplicateInInput => "Remove the second row; the first one counts.",
            Self::DeviceNotFound => "Check the service provider and the ICCID or number; import the SIM if it is new.",
            Self::DeviceArchived => "Restore the SIM from the archive first.",
            Self::DeviceNotActive => {
                "Activate the SIM at the carrier first, or plan again with activate, if it can be."
            }
            Self::AlreadyAssignedSame => "Nothing to do.",
            Self::AlreadyAssignedOther => "If it is to move, plan again with on_conflict: replace.",
            Self::ActiveServiceLineSameCustomer => {
                "Leave create_rev_service out, or disconnect that line at Rev.io and sync."
            }
            Self::ActiveServiceLineOtherCustomer => {
                "Assign the SIM to the customer who is billed; or plan again with on_conflict: replace and disconnect_existing, which closes that line."
            }
            Self::ProductNotFound => "Name products and packages by their id at Rev.io, or sync if they are new there.",
            Self::RateInvalid => "Give the rate as a plain number, such as 12 or 7.25.",
            Self::ProductsAndRatesDiffer => {
                "Name each product once, and give as many rates as products, with semicolons between them; leave all rates out to use the products' own."
            }
            Self::BillingItemNotFound => "Name it by its id at Rev.io, or sync if it is new there.",
            Self::ServiceNotFound => "Check the line's id at Rev.io, or sync if it is new there.",
            Self::ServiceInUse => "Name a line that is free, or open a new one with create_rev_service.",
            Self::NumberMissing => "Import the SIM's number from its carrier, then plan again.",
            Self::NotARevCustomer => "Choose a customer of Rev.io, or leave create_rev_service and service_id out.",
            Self::EffectiveDateInvalid => "Give the date as year-month-day, or leave it out.",
            Self::ServiceProviderNotFound => "Check the service provider's name, or leave the cell empty.",
            Self::CustomerNotFound => "Check the customer's id, Rev customer id or name.",
            Self::CustomerAmbiguous => "Name the customer by its id; the customer list shows it.",
            Self::CustomerClosed => "Choose another customer, or reopen the account at Rev.io.",
            Self::CustomerNotPermitted => "Choose a customer of your sites, or ask an administrator.",
            Self::Forbidden => "Leave the SIM out, or ask an administrator for the right.",
            Self::SiteNotFound => "Leave the site out to use the customer's own, or name one of its active sites.",
            Self::SiteAmbiguous => "Name the site.",
            Self::PlanNotFound => "Check the rate plan's code; a new carrier rate plan is imported first.",
            Self::PlanNotForCarrier => "Choose a rate plan of this service provider.",
            Self::CarrierWriteDisabled => {
                "See that the service provider is write_enabled and has an account at the carrier with credentials that is not paused; then plan again."
            }
            Self::CarrierNotSupported => "Leave it out, and do it in the carrier's own portal.",
            Self::CarrierSuspended => "Restore the SIM at the carrier first, or leave the plan change out.",
            Self::CarrierChangeQuota => "Plan it again next month (UTC), or leave the plan change out.",
            Self::ImeiMalformed => "Copy the IMEI from the device or its invoice, as text.",
            Self::ImeiMissing => {
                "Give the IMEI with the device or in a column IMEI; or name the kind of device with sku."
            }
            Self::ActivationInvalid => {
                "Give what the detail names, in the request's activate or in a column of the file."
            }
            Self::PoolNotFound => "Check the customer rate pool's name.",
            Self::PoolMismatch => "Choose a pool of this service provider.",
            Self::AllocationInvalid => "Give the allocation in MB as a plain number, such as 250 or 0.5.",
            Self::LockedByOtherChange => "Wait until the other change has ended, then plan again.",
            Self::StaleSincePlan => "Plan again to see it as it is now.",
            Self::PoisonRow => "Look at the row's log, correct the SIM's data and retry.",
            Self::BillingRejected => "Correct at Rev.io, or in the request, what its words name; then retry.",
            Self::BillingTimeout => "See whether Rev.io answers, then retry.",
            Self::CarrierRejected => "Correct at the carrier, or in the request, what its words name; then retry.",
            Self::CarrierTimeout => "See at the carrier what has become of the SIM, then look again or retry.",
            Self::OutcomeUnknown => {
                "Look at the provider, then have the row looked at again, adopt what is there, or close it."
            }
            Self::FoundSeveral => {
                "Look at the provider which one is right, put the others right there, and adopt that one or close the row."
            }
            Self::UndoNotDone => "Put it right at the provider as the details say, then look again or close the row.",
            Self::UndoToBeApproved => "Say that it is to be taken back, or close the row as processed or failed.",
            Self::CancelledByUser => "Retry the change if it is to be done after all.",
            Self::ClosedByUser => "Retry the change if it is to be done after all; the row's log has the comment.",
            Self::ChangedSince => "Look at what changed it; plan an assignment if the SIM is to move.",
            Self::CannotBeUndone => "Put it right at Rev.io, sync, and plan the assignment that the SIM is to have.",
            Self::NoAssignmentBefore => "Plan an assignment to the customer that the SIM is to have.",
        }
    }
}

/// A reason with what is particular to this row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The stable code.
    pub reason: Reason,
    /// What is particular to this row; empty when the sentence says it all.
    pub detail: String,
}

impl Refusal {
    /// A refusal with nothing particular to say.
    #[must_use]
    pub const fn plain(reason: Reason) -> Self {
        Self { reason, detail: String::new() }
    }

    /// A refusal that names what it is about.
    #[must_use]
    pub fn about(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_sentence_and_a_fix_and_a_code_that_reads_back() {
        for reason in Reason::ALL {
            assert!(reason.sentence().ends_with('.') && reason.fix().ends_with('.'), "{reason:?}");
            assert_eq!(Reason::from_word(reason.word()), Some(*reason));
        }
    }
}
