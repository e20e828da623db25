//! What ThingSpace's codes mean (`thingspace.md` 1, synchronous codes; 3.3). They are compared without the name of the service
//! before them, never by the message: codes are stable over releases and messages are not.

use crate::answer::{Refusal, RefusedBy};
use crate::carriers::{Cause, NOT_SUPPORTED};

/// What a code means for the call that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// It was refused, and nothing was done.
    Refused(Cause),
    /// There is no session, or none any more.
    SessionLapsed,
    /// The session's token is not one: by [`super::Inferred::invalid_session_has_lapsed`] the same.
    SessionInvalid,
    /// It says that something went wrong, and not that nothing was done.
    InDoubt,
    /// An `INPUT_INVALID` that is not public.
    UnlistedInput,
    /// A `REQUEST_FAILED` that is not public.
    UnlistedFailure,
    /// Nothing that is of the form of a code.
    Unlisted,
}

/// Every code that is public, without its service, in lower case.
const KNOWN: &[(&str, Meant)] = &[
    // General.
    ("input_invalid.request.invalidcharacter", Meant::Refused(Cause::Malformed)),
    ("input_invalid.requestundefined", Meant::Refused(Cause::Malformed)),
    ("request_failed.unexpectederror", Meant::InDoubt),
    // Session.
    ("request_failed.sessiontoken.expired", Meant::SessionLapsed),
    ("request_failed.sessiontoken.format", Meant::SessionLapsed),
    ("input_invalid.sessiontoken.invalid", Meant::SessionInvalid),
    // Account.
    ("input_invalid.account.notdefined", Meant::Refused(Cause::AccountNotUsable)),
    ("request_failed.accountname", Meant::Refused(Cause::AccountNotUsable)),
    ("request_failed.accountnotfound", Meant::Refused(Cause::AccountNotUsable)),
    ("request_failed.noaccounts", Meant::Refused(Cause::AccountNotUsable)),
    ("request_failed.multipleaccounts", Meant::Refused(Cause::AccountNotUsable)),
    // A device's ids.
    ("input_invalid.device.kind.invalid", Meant::Refused(Cause::DeviceInvalid)),
    ("input_invalid.device.identifier.invalid", Meant::Refused(Cause::DeviceInvalid)),
    ("request_failed.devicenotfound", Meant::Refused(Cause::DeviceNotFound)),
    // Custom fields.
    ("input_invalid.customfield.invalidname", Meant::Refused(Cause::Malformed)),
    ("input_invalid.customfield.toolong", Meant::Refused(Cause::Malformed)),
    // Devices.
    ("input_invalid.maxrequestsexceeded", Meant::Refused(Cause::TooManyDevices)),
    ("input_invalid.numberofdevices", Meant::Refused(Cause::TooManyDevices)),
    ("input_invalid.devicestate.invalid", Meant::Refused(Cause::DeviceNotActive)),
    ("request_failed.devicealreadyactive", Meant::Refused(Cause::DeviceAlreadyActive)),
    ("request_failed.defaultippoolnotdefined", Meant::Refused(Cause::NoDefaultPool)),
    // Groups.
    ("request_failed.devicegroup.exists", Meant::Refused(Cause::Group)),
    ("input_invalid.devicegroup.deletedefault", Meant::Refused(Cause::Group)),
    ("request_failed.devicegroupnotfound", Meant::Refused(Cause::Group)),
    // Seen in callbacks only.
    ("input_invalid.device.account.invalid", Meant::Refused(Cause::DeviceOfAnotherAccount)),
];

/// The classes that codes begin with, after the name of their service. A request on hold may still be carried out when the
/// credit hold is over, so that it is in doubt.
const CLASSES: [(&str, Meant); 4] = [
    ("input_invalid.", Meant::UnlistedInput),
    ("request_failed.", Meant::UnlistedFailure),
    ("request_onhold", Meant::InDoubt),
    ("request_cancelled", Meant::Refused(Cause::Cancelled)),
];

/// The code without the name of its service; all of it, if no class is in it.
pub(super) fn bare(code: &str) -> &str {
    let code = code.trim();
    let lower = code.to_ascii_lowercase();
    let begins = CLASSES.iter().filter_map(|(class, _)| lower.find(class)).min();
    let begins = begins.or_else(|| lower.find("deserializationfailed"));
    // The class begins the code or follows a dot: it is no part of a word.
    let begins = begins.filter(|at| *at == 0 || lower.as_bytes().get(at - 1) == Some(&b'.'));
    code.get(begins.unwrap_or(0)..).unwrap_or(code)
}

/// What it means, without any setting.
pub(super) fn meant(code: &str) -> Meant {
    let lower = bare(code).to_ascii_lowercase();
    if let Some((_, meant)) = KNOWN.iter().find(|(known, _)| *known == lower) {
        return *meant;
    }
    // The page names no class before this one; there may be one.
    if lower.rsplit('.').next() == Some("deserializationfailed") {
        return Meant::Refused(Cause::Malformed);
    }
    // The plan's name stands in the middle of it (inferred).
    let names_a_plan = lower.strip_prefix("request_failed.").and_then(|rest| rest.strip_suffix(".notfound"));
    if names_a_plan.is_some_and(|plan| !plan.is_empty()) {
        return Meant::Refused(Cause::PlanNotFound);
    }
    let class = CLASSES.iter().find(|(class, _)| lower.starts_with(class));
    class.map_or(Meant::Unlisted, |(_, meant)| *meant)
}

/// Whether it is of the form of ThingSpace's codes.
pub(super) fn is_code(code: &str) -> bool {
    !matches!(meant(code), Meant::Unlisted)
}

/// What it comes down to, where it says that something has failed.
pub(in crate::carriers) fn cause_of(code: &str) -> Cause {
    match meant(code) {
        Meant::Refused(cause) => cause,
        _ if code == NOT_SUPPORTED => Cause::NotSupported,
        _ => Cause::Unlisted,
    }
}

/// What a refusal of this client comes down to.
pub(in crate::carriers) fn cause(refusal: &Refusal) -> Cause {
    match (refusal.by, refusal.code.as_deref()) {
        (RefusedBy::Application, Some(code)) => cause_of(code),
        (RefusedBy::Application, None) => Cause::Unlisted,
        (RefusedBy::Gateway, _) => Cause::WrongAddress,
        (RefusedBy::Ourselves, Some(code)) if code == NOT_SUPPORTED => Cause::NotSupported,
        (RefusedBy::Ourselves, _) => Cause::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The reference's codes, as it writes them, each with and without the service that it was seen with.
    #[test]
    fn every_public_code_means_what_the_reference_says() {
        let refused = Meant::Refused;
        for (code, expected) in [
            ("INPUT_INVALID.Request.InvalidCharacter", refused(Cause::Malformed)),
            ("INPUT_INVALID.RequestUndefined", refused(Cause::Malformed)),
            ("REQUEST_FAILED.UnexpectedError", Meant::InDoubt),
            ("DeserializationFailed", refused(Cause::Malformed)),
            ("INPUT_INVALID.DeserializationFailed", refused(Cause::Malformed)),
            ("REQUEST_FAILED.SessionToken.Expired", Meant::SessionLapsed),
            ("REQUEST_FAILED.SessionToken.Format", Meant::SessionLapsed),
            ("INPUT_INVALID.SessionToken.Invalid", Meant::SessionInvalid),
            ("INPUT_INVALID.Account.NotDefined", refused(Cause::AccountNotUsable)),
            ("REQUEST_FAILED.AccountName", refused(Cause::AccountNotUsable)),
            ("REQUEST_FAILED.AccountNotFound", refused(Cause::AccountNotUsable)),
            ("REQUEST_FAILED.NoAccounts", refused(Cause::AccountNotUsable)),
            ("REQUEST_FAILED.MultipleAccounts", refused(Cause::AccountNotUsable)),
            ("INPUT_INVALID.Device.Kind.Invalid", refused(Cause::DeviceInvalid)),
            ("INPUT_INVALID.Device.Identifier.Invalid", refused(Cause::DeviceInvalid)),
            ("REQUEST_FAILED.DeviceNotFound", refused(Cause::DeviceNotFound)),
            ("INPUT_INVALID.CustomField.InvalidName", refused(Cause::Malformed)),
            ("INPUT_INVALID.CustomField.TooLong", refused(Cause::Malformed)),
            ("INPUT_INVALID.MaxRequestsExceeded", refused(Cause::TooManyDevices)),
            ("INPUT_INVALID.NumberofDevices", refused(Cause::TooManyDevices)),
            ("INPUT_INVALID.DeviceState.Invalid", refused(Cause::DeviceNotActive)),
            ("REQUEST_FAILED._servicePlan_.NotFound", refused(Cause::PlanNotFound)),
            ("REQUEST_FAILED.5 GB m2m.v2.NotFound", refused(Cause::PlanNotFound)),
            ("REQUEST_FAILED.DeviceAlreadyActive", refused(Cause::DeviceAlreadyActive)),
            ("REQUEST_FAILED.DefaultIpPoolNotDefined", refused(Cause::NoDefaultPool)),
            ("REQUEST_FAILED.DeviceGroup.Exists", refused(Cause::Group)),
            ("INPUT_INVALID.DeviceGroup.DeleteDefault", refused(Cause::Group)),
            ("REQUEST_FAILED.DeviceGroupNotFound", refused(Cause::Group)),
            ("INPUT_INVALID.Device.Account.Invalid", refused(Cause::DeviceOfAnotherAccount)),
            ("REQUEST_ONHOLD.CreditHold", Meant::InDoubt),
            ("REQUEST_CANCELLED.CreditHold", refused(Cause::Cancelled)),
            ("INPUT_INVALID.Something.New", Meant::UnlistedInput),
            ("REQUEST_FAILED.Something.New", Meant::UnlistedFailure),
        ] {
            for service in ["", "UnifiedWebService.", "CarrierService.", "A.B."] {
                let whole = format!("{service}{code}");
                assert_eq!(meant(&whole), expected, "{whole}");
                assert_eq!(meant(&whole.to_uppercase()), expected, "{whole}");
                assert_eq!(bare(&whole), code);
                assert!(is_code(&whole));
            }
        }
        // Each public code is in the table once, and is met above.
        let codes: std::collections::BTreeSet<&str> = KNOWN.iter().map(|(code, _)| *code).collect();
        assert_eq!((codes.len(), KNOWN.len()), (25, 25));
    }

    #[test]
    fn what_is_not_of_the_form_of_a_code_means_nothing() {
        for code in ["", ".", "900901", "NotFound", "Request_FailedX", "NOINPUT_INVALID.Device", "REQUEST_FAILED"] {
            assert_eq!(meant(code), Meant::Unlisted, "{code}");
            assert!(!is_code(code));
            assert_eq!(cause_of(code), Cause::Unlisted);
        }
        assert_eq!(meant("REQUEST_FAILED..NotFound"), Meant::UnlistedFailure);
    }

    #[test]
    fn a_refusal_of_our_own_has_a_cause_too() {
        let refusal = |by, code: Option<&str>| Refusal {
            by,
            status: None,
            code: code.map(str::to_owned),
            message: String::new(),
        };
        for (refusal, expected) in [
            (refusal(RefusedBy::Ourselves, Some(NOT_SUPPORTED)), Cause::NotSupported),
            (refusal(RefusedBy::Ourselves, None), Cause::Malformed),
            (refusal(RefusedBy::Gateway, Some("900906")), Cause::WrongAddress),
            (refusal(RefusedBy::Application, Some("REQUEST_FAILED.DeviceNotFound")), Cause::DeviceNotFound),
            (refusal(RefusedBy::Application, Some("X")), Cause::Unlisted),
            (refusal(RefusedBy::Application, None), Cause::Unlisted),
        ] {
            assert_eq!(cause(&refusal), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC*") {
            let _ = (meant(&text), bare(&text), cause_of(&text));
        }

        #[test]
        fn no_text_in_other_alphabets_is_cut_within_a_letter(text in "[ıİßſK]{0,9}input_invalid\\.[ıİßſK]{0,9}") {
            let _ = (meant(&text), bare(&text).len());
        }
    }
}
