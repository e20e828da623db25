//! Where a carrier calls back: registered when there is an address of ours, looked at once a day, and registered again when it is lost,
//! which nobody is told of (`reliability.md` 4.5).
//!
//! A service of an account has one listener (`thingspace.md` 3.1). One that is not ours is another system's, and stays: taking it away
//! would leave that system deaf. Which one is ours is known by its address: the one that the carrier was given last, or one below our own.

use super::calling::{Calling, ChangeCallback};
use crate::account::Installation;
use crate::{SyncError, SyncSettings};
use database::carrier::{CarrierAccount, Registering, begin_registering, end_registering, note_callback_address};
use domain::ids::{Ids, TenantId};
use domain::secret_token::sha256;
use integrations::carriers::{CarrierKind, NewCallback, RegisteredCallback};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

/// How looking after a registration ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It is not due, somebody else does it, or the carrier does not call back.
    NotDue,
    /// The carrier has it as it is to be.
    AsItIs,
    /// It was not there, or was another one of ours: it is now.
    Anew,
    /// Something was in the way, in words. Tried again in an hour.
    Not(String),
}

/// Times that the list is looked at before it is left for the next time: to find it, to take it away, to put it there, and once more.
const MOST_LOOKS: usize = 4;

/// Looks after where the carrier of an account calls back: below this address of ours, such as `https://ascribe.example`. `at_once`: also
/// if it was looked at less than a day ago.
///
/// # Errors
/// [`SyncError`]; it is tried again after an hour.
pub async fn register_callbacks(
    installation: &Installation<'_>,
    ids: &Ids,
    (tenant, account): (TenantId, &CarrierAccount),
    (public_url, at_once): (&str, bool),
    settings: &SyncSettings,
    stop: &CancellationToken,
) -> Result<Registered, SyncError> {
    let kind = CarrierKind::from_word(&account.integration);
    let Some((kind, service)) = kind.and_then(|kind| Some((kind, kind.callback_service()?))) else {
        return Ok(Registered::NotDue);
    };
    let (ledger, keys) = (installation.ledger, installation.keys);
    let mut calling = Calling::new(installation, ids, (tenant, account), settings, stop).await?;
    let whose = (account.service_provider, calling.signed_with());
    let Some(registering) = begin_registering(ledger, tenant, (keys, ids), whose, at_once).await? else {
        return Ok(Registered::NotDue);
    };
    let registers = (account.service_provider, registering.version);
    let below = format!("{}/api/v1/callbacks/{}/", public_url.trim_end_matches('/'), kind.word());
    let new = wanted(&registering, service, &below);
    let (ended, trouble) = match register(&mut calling, (tenant, account), &registering, (&new, &below)).await {
        Ok(Registered::Not(why)) => (Ok(Registered::Not(why.clone())), Some(why)),
        // Whoever comes next begins at once: nothing is wrong with the account.
        Err(SyncError::Stopped) => return Err(SyncError::Stopped),
        Ok(registered) => (Ok(registered), None),
        Err(error) => {
            let why = error.to_string();
            (Err(error), Some(why))
        }
    };
    end_registering(ledger, tenant, registers, trouble.as_deref()).await?;
    ended
}

async fn register(
    calling: &mut Calling<'_>,
    (tenant, account): (TenantId, &CarrierAccount),
    registering: &Registering,
    (new, below): (&NewCallback, &str),
) -> Result<Registered, SyncError> {
    let address = sha256(new.url.expose_secret());
    let mut given = registering.url_sha256.clone();
    let mut is_changed = false;
    for _ in 0..MOST_LOOKS {
        let all = calling.callbacks().await?;
        match next(&all, new, given.as_deref(), below) {
            Next::Nothing if is_changed => return Ok(Registered::Anew),
            Next::Nothing => {
                if given.as_deref() != Some(&address[..]) {
                    // Given to the carrier by somebody who died before it was written down.
                    note(calling, (tenant, account), registering, &address).await?;
                }
                return Ok(Registered::AsItIs);
            }
            Next::TakeAway => {
                calling.change_callback(&ChangeCallback::Deregister(&new.service)).await?;
            }
            Next::Register => {
                // Before it is sent: what the carrier has afterwards is known to be ours, whatever becomes of us.
                note(calling, (tenant, account), registering, &address).await?;
                given = Some(address.to_vec());
                calling.change_callback(&ChangeCallback::Register(new)).await?;
            }
            Next::LeaveAlone => {
                let why = format!(
                    "{} calls another system back for this account's {}. Take that away at the carrier if it is not wanted any more: \
                     Ascribe registers itself within the hour.",
                    account.name, new.service
                );
                return Ok(Registered::Not(why));
            }
        }
        is_changed = true;
    }
    Ok(Registered::Not("the carrier does not show what was registered there".to_owned()))
}

async fn note(
    calling: &Calling<'_>,
    (tenant, account): (TenantId, &CarrierAccount),
    registering: &Registering,
    address: &[u8; 32],
) -> Result<(), SyncError> {
    let which = (account.service_provider, registering.version);
    Ok(note_callback_address(calling.installation.ledger, tenant, which, address).await?)
}

fn wanted(registering: &Registering, service: &str, below: &str) -> NewCallback {
    let words = &registering.words;
    NewCallback {
        service: service.to_owned(),
        url: SecretString::from(format!("{below}{}", words.token.expose_secret())),
        username: words.username.clone(),
        password: words.password.clone(),
    }
}

/// What is to be done about what the carrier shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It is as it is to be.
    Nothing,
    /// There is none.
    Register,
    /// There is another one of ours, or ours with other words.
    TakeAway,
    /// There is somebody else's.
    LeaveAlone,
}

/// `given`: the SHA-256 of the address that the carrier was given last.
fn next(all: &[RegisteredCallback], new: &NewCallback, given: Option<&[u8]>, below: &str) -> Next {
    let Some(there) = all.iter().find(|one| one.service.eq_ignore_ascii_case(&new.service)) else {
        return Next::Register;
    };
    let url = there.url.expose_secret();
    if there.is(new) {
        Next::Nothing
    } else if url.starts_with(below) || given == Some(&sha256(url)[..]) {
        Next::TakeAway
    } else {
        Next::LeaveAlone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLBACK_SERVICE: &str = "CarrierService";
    const BELOW: &str = "https://ascribe.example/api/v1/callbacks/thingspace/";

    fn there(service: &str, url: &str, password: &str) -> RegisteredCallback {
        let word = |text: &str| Some(SecretString::from(text));
        RegisteredCallback {
            service: service.to_owned(),
            url: SecretString::from(url),
            username: word("u"),
            password: word(password),
        }
    }

    #[test]
    fn only_what_is_ours_is_taken_away() {
        let ours = format!("{BELOW}token");
        let new = NewCallback {
            service: CALLBACK_SERVICE.to_owned(),
            url: SecretString::from(ours.as_str()),
            username: "u".into(),
            password: "p".into(),
        };
        let moved = "https://before.example/api/v1/callbacks/thingspace/token";
        let given = sha256(moved);
        for (all, expected) in [
            (vec![], Next::Register),
            (vec![there("DeviceService", &ours, "p")], Next::Register),
            (vec![there(CALLBACK_SERVICE, &ours, "p")], Next::Nothing),
            (vec![there(CALLBACK_SERVICE, &ours, "another")], Next::TakeAway),
            (vec![there(CALLBACK_SERVICE, &format!("{BELOW}older"), "p")], Next::TakeAway),
            (vec![there(CALLBACK_SERVICE, moved, "p")], Next::TakeAway),
            (vec![there(CALLBACK_SERVICE, "https://amop.example/hear", "p")], Next::LeaveAlone),
            (
                vec![there(CALLBACK_SERVICE, "https://ascribe.example.evil/api/v1/callbacks/thingspace/x", "p")],
                Next::LeaveAlone,
            ),
        ] {
            assert_eq!(next(&all, &new, Some(&given), BELOW), expected, "{all:?}");
        }
        assert_eq!(next(&[there(CALLBACK_SERVICE, moved, "p")], &new, None, BELOW), Next::LeaveAlone);
    }
}
