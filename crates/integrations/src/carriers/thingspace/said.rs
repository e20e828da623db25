//! What an error says (`thingspace.md` 1): the gateway's code where the bearer is looked at, the platform's for the rest.

use super::Inferred;
use super::codes::{self, Meant};
use super::failure::Failure;
use super::send::Signed;
use crate::answer::{Kind, Refusal, RefusedBy, Said, SignInPart};
use crate::exchange::Secrets;

/// The gateway's code for a bearer that is wrong or has run out; the same says it of a wrong key.
const INVALID_CREDENTIALS: &str = "900901";

/// Whether the gateway says that it is asked too often.
pub(super) fn is_throttle(inferred: &Inferred, failure: &Failure) -> bool {
    matches!(failure, Failure::Gateway { code, .. } if inferred.throttling_faults.contains(code))
}

/// What an error means for the call that it answers. Only under a 4xx it means anything.
pub(super) fn of<T>(
    inferred: &Inferred,
    (kind, signed): (Kind, Signed<'_>),
    status: u16,
    failure: &Failure,
    secrets: &Secrets,
) -> Said<T> {
    let message = secrets.words(failure.message());
    if !(400..500).contains(&status) {
        return Said::Nothing(message);
    }
    let refused = |by, code: &str, message: String| {
        let code = Some(secrets.words(code));
        Said::KnownError(Refusal { by, status: Some(status), code, message })
    };
    match failure {
        Failure::Gateway { code, .. }
            if code == INVALID_CREDENTIALS && status == 401 && !matches!(signed, Signed::ByKey) =>
        {
            Said::SignInLapsed(SignInPart::Bearer)
        }
        Failure::Gateway { code, .. } if inferred.gateway_refuses && matches!(status, 400 | 404) => {
            refused(RefusedBy::Gateway, code, message)
        }
        Failure::Platform { code, .. } => {
            let bare = codes::bare(code);
            match platform(inferred, kind, matches!(signed, Signed::InFull(_)), bare) {
                Platform::SessionLapsed => Said::SignInLapsed(SignInPart::Session),
                Platform::Refuses => refused(RefusedBy::Application, bare, message),
                Platform::SaysNothing => Said::Nothing(format!("{}: {message}", secrets.words(bare))),
            }
        }
        Failure::Gateway { .. } | Failure::OAuth { .. } | Failure::Text(_) => Said::Nothing(message),
    }
}

enum Platform {
    SessionLapsed,
    Refuses,
    SaysNothing,
}

/// What a code of the platform means, by the settings. Without a session in the call none can have run out.
fn platform(inferred: &Inferred, kind: Kind, has_session: bool, code: &str) -> Platform {
    let refuses = match codes::meant(code) {
        Meant::SessionLapsed if has_session => return Platform::SessionLapsed,
        Meant::SessionInvalid if has_session && inferred.invalid_session_has_lapsed => return Platform::SessionLapsed,
        Meant::Refused(_) => true,
        Meant::UnlistedInput => inferred.invalid_input_refuses,
        // A read that fails for an unlisted reason is tried later anyway.
        Meant::UnlistedFailure => inferred.unlisted_failure_refuses && kind == Kind::Write,
        Meant::SessionLapsed | Meant::SessionInvalid | Meant::InDoubt | Meant::Unlisted => false,
    };
    if refuses || inferred.also_refusing.contains(code) { Platform::Refuses } else { Platform::SaysNothing }
}
