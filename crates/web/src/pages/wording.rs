//! How a page says what the ledger calls by a code: states in words with a tone, times in the tenant's zone, numbers in groups.

use domain::input_field::InputField;
use domain::rights::Role;
use domain::states::{BulkChangeStatus, DeviceChangeStatus};
use domain::steps::Step;
use jiff::Timestamp;

/// A state as a page shows it: never by its colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) word: &'static str,
    /// `good`, `bad`, `warn`, `busy` or `calm`: the class, and with it the sign before the word.
    pub(crate) tone: &'static str,
}

const fn state(word: &'static str, tone: &'static str) -> State {
    State { word, tone }
}

/// A bulk change's state; what is expired is so by the clock.
pub(crate) const fn of_change(status: BulkChangeStatus, failed: i32, needs_attention: i32) -> State {
    match status {
        BulkChangeStatus::Planning => state("Planning", "busy"),
        BulkChangeStatus::Planned => state("Planned", "calm"),
        BulkChangeStatus::PlanFailed => state("Could not be planned", "bad"),
        BulkChangeStatus::New => state("Starting", "busy"),
        BulkChangeStatus::Scheduled => state("Scheduled", "calm"),
        BulkChangeStatus::Processing => state("Running", "busy"),
        BulkChangeStatus::Paused => state("Paused", "warn"),
        BulkChangeStatus::Processed if needs_attention > 0 => state("Done, some need attention", "warn"),
        BulkChangeStatus::Processed if failed > 0 => state("Done with failures", "warn"),
        BulkChangeStatus::Processed => state("Done", "good"),
        BulkChangeStatus::Error => state("Nothing was done", "bad"),
        BulkChangeStatus::Cancelled => state("Cancelled", "calm"),
    }
}

/// A row's state.
pub(crate) const fn of_row(status: DeviceChangeStatus) -> State {
    match status {
        DeviceChangeStatus::Refused => state("Refused", "bad"),
        DeviceChangeStatus::NoChange => state("Already so", "calm"),
        DeviceChangeStatus::Pending => state("To do", "calm"),
        DeviceChangeStatus::Processing => state("Under way", "busy"),
        DeviceChangeStatus::WaitingCarrier => state("Waiting for the carrier", "busy"),
        DeviceChangeStatus::Processed => state("OK", "good"),
        DeviceChangeStatus::Failed => state("Failed", "bad"),
        DeviceChangeStatus::Skipped => state("Skipped", "warn"),
        DeviceChangeStatus::NeedsAttention => state("Needs attention", "warn"),
        DeviceChangeStatus::Cancelled => state("Cancelled", "calm"),
    }
}

/// A step, and whom it asks.
pub(crate) const fn step_name(step: Step) -> &'static str {
    match step {
        Step::ActivateAtCarrier => "Activate at the carrier",
        Step::ProvisionIp => "Give a static address",
        Step::ChangeCarrierRatePlan => "Change the carrier rate plan",
        Step::CloseRevService => "Close a line at Rev.io",
        Step::OpenRevService => "Open a line at Rev.io",
        Step::UpdateRevService => "Put the SIM on a line at Rev.io",
        Step::RecordAssignment => "Record the assignment",
    }
}

/// What a column of an input may stand for.
pub(crate) const fn field_name(field: InputField) -> &'static str {
    match field {
        InputField::Iccid => "ICCID",
        InputField::Msisdn => "Subscriber number",
        InputField::Device => "ICCID or number",
        InputField::ServiceProvider => "Carrier account",
        InputField::Customer => "Customer",
        InputField::Site => "Site",
        InputField::CustomerRatePlan => "Customer rate plan",
        InputField::CustomerRatePool => "Pool",
        InputField::CustomerDataAllocationMb => "Data allocation in MB",
        InputField::EffectiveDate => "Effective date",
        InputField::Products => "Products at Rev.io",
        InputField::Rates => "Their rates",
        InputField::Package => "Package at Rev.io",
        InputField::CarrierRatePlan => "Carrier rate plan",
        InputField::CommunicationPlan => "Communication plan",
        InputField::ActivationCarrierRatePlan => "Carrier rate plan to activate with",
        InputField::ZipCode => "Zip code",
        InputField::Imei => "IMEI",
        InputField::Sku => "SKU",
        InputField::StaticIpPool => "Static address pool",
        InputField::ServiceId => "Line at Rev.io",
        InputField::ServiceType => "Service type at Rev.io",
        InputField::RevProvider => "Provider at Rev.io",
        InputField::UsagePlanGroup => "Usage plan group",
    }
}

/// So long, as a person says it: "about 7 min".
pub(crate) fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil();
    if minutes <= 1.0 {
        "less than a minute".to_owned()
    } else if minutes < 120.0 {
        format!("about {minutes} min")
    } else {
        format!("about {} h", (minutes / 60.0).ceil())
    }
}

/// A role by its name.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::SuperAdmin => "Super admin",
        Role::PartnerAdmin => "Partner admin",
        Role::AgentPartnerAdmin => "Agent partner admin",
        Role::Agent => "Agent",
        Role::User => "User",
        Role::NotificationOnly => "Notifications only",
    }
}

/// A moment: for people in their zone, and for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) shown: String,
    pub(crate) exact: String,
}

/// A moment in this zone, to the minute.
pub(crate) fn moment(at: Timestamp, zone: &str) -> Moment {
    let shown = at.in_tz(zone).map_or_else(|_| at.to_string(), |zoned| zoned.strftime("%-d %b %Y, %H:%M").to_string());
    Moment { shown, exact: at.to_string() }
}

/// The same, if there is one.
pub(crate) fn moment_of(at: Option<Timestamp>, zone: &str) -> Option<Moment> {
    at.map(|at| moment(at, zone))
}

/// 1234567 as 1,234,567.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of a thing: "1 row", "12 rows".
pub(crate) fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// The same act elsewhere: as a command, and as a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// What it does.
    pub(crate) what: &'static str,
    pub(crate) command: String,
    pub(crate) request: String,
}

pub(crate) fn elsewhere(what: &'static str, command: impl Into<String>, request: impl Into<String>) -> Elsewhere {
    Elsewhere { what, command: command.into(), request: request.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_times_are_the_tenants() {
        for (number, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-1_000, "-1,000")]
        {
            assert_eq!(grouped(number), shown);
        }
        assert_eq!(counted(1, "row", "rows"), "1 row");
        let at: Timestamp = "2027-01-31T23:30:00Z".parse().unwrap();
        assert_eq!(moment(at, "America/New_York").shown, "31 Jan 2027, 18:30");
        assert_eq!(moment(at, "no/zone").shown, "2027-01-31T23:30:00Z");
    }
}
