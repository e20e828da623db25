//! What the pages of accounts at carriers and at Rev.io have in common: how an account is in one word, how much of its budget is
//! used, and which credentials are kept.

use super::visitor::Member;
use super::wording::{Moment, grouped, moment, moment_of};
use crate::App;
use crate::problem::Problem;
use database::account_health::AccountHealth;
use database::carrier::CarrierAccount;
use database::rev_io::Account;
use database::service_provider::ServiceProvider;
use domain::rights::Act;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// How much of what an account may be sent is used.
pub(super) struct Meter {
    pub(super) used: i64,
    pub(super) of: i64,
    /// From here on it is much.
    pub(super) high: i64,
    /// The same in words.
    pub(super) said: String,
}

pub(super) fn meter(taken: i32, per_day: i32, per_minute: i32) -> Meter {
    let (used, of) = (i64::from(taken), i64::from(per_day));
    let said = format!(
        "{} of {} calls today (UTC), at most {} a minute",
        grouped(used),
        grouped(of),
        grouped(per_minute.into())
    );
    Meter { used, of, high: of * 8 / 10, said }
}

/// How an account is: a word, and why.
pub(super) struct Condition {
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
    pub(super) because: String,
}

fn condition(tone: &'static str, word: &'static str, because: impl Into<String>) -> Condition {
    Condition { tone, word, because: because.into() }
}

/// What an account's condition follows from.
pub(super) struct Known<'a> {
    pub(super) paused_because: Option<&'a str>,
    /// Everything that is needed to sign in is kept.
    pub(super) can_sign_in: bool,
    pub(super) health: Option<&'a AccountHealth>,
    /// Why the last reading does not count as whole.
    pub(super) trouble: Option<String>,
    /// When the last whole reading had begun.
    pub(super) read_at: Option<Timestamp>,
}

/// The worst first: what keeps everything from going on is what one wants to know.
pub(super) fn condition_of(known: &Known<'_>, zone: &str) -> Condition {
    if let Some(because) = known.paused_because {
        return condition("bad", "Paused", because);
    }
    if !known.can_sign_in {
        return condition("warn", "Not signed in", "Its credentials are missing.");
    }
    if let Some(health) = known.health {
        if health.circuit_is_open() {
            let until = health.not_before.map(|at| format!("; tried again at {}", moment(at, zone).shown));
            let said = format!("{} times in a row no call came through{}.", health.failures, until.unwrap_or_default());
            return condition("bad", "Left alone", said);
        }
        if let Some(at) = health.blocked_until {
            let said = format!("The provider asked to be sent nothing before {}.", moment(at, zone).shown);
            return condition("warn", "Waits", said);
        }
    }
    if let Some(trouble) = &known.trouble {
        return condition("warn", "Not read whole", trouble.clone());
    }
    if known.read_at.is_none() {
        return condition("calm", "Not read yet", "");
    }
    condition("good", "Read", "")
}

/// A credential by its name, and when it was last written. Itself it is nowhere.
pub(super) struct Kept {
    pub(super) field: &'static str,
    pub(super) label: &'static str,
    /// Is it hidden while it is typed?
    pub(super) is_secret: bool,
    pub(super) written: Option<Moment>,
}

pub(super) fn kept(
    fields: &[(&'static str, &'static str, bool)],
    written: &BTreeMap<String, String>,
    zone: &str,
) -> Vec<Kept> {
    let at = |field: &str| written.get(field).and_then(|text| text.parse::<Timestamp>().ok());
    let one = |(field, label, is_secret): &(&'static str, &'static str, bool)| Kept {
        field,
        label,
        is_secret: *is_secret,
        written: moment_of(at(field), zone),
    };
    fields.iter().map(one).collect()
}

/// What a form says of these credentials: only what was typed.
pub(super) fn typed(
    member: &Member,
    fields: &[(&'static str, &'static str, bool)],
) -> Result<serde_json::Map<String, serde_json::Value>, Problem> {
    let typed: serde_json::Map<_, _> = fields
        .iter()
        .filter_map(|(field, ..)| Some(((*field).to_owned(), member.fields().said(field)?.into())))
        .collect();
    if typed.is_empty() {
        let said = "Nothing was typed, and nothing was written. What is left empty stays as it is.";
        return Err(Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "REQUEST_INVALID", said));
    }
    Ok(typed)
}

/// A number of calls as a form says it; empty: it stays.
pub(super) fn calls(member: &Member, field: &str) -> Result<Option<i32>, Problem> {
    let Some(text) = member.fields().said(field) else { return Ok(None) };
    let invalid = || Problem::field(field, "FIELD_INVALID", "A limit is a number from 1 to 10,000,000.");
    text.parse().map(Some).map_err(|_| invalid())
}

/// An account in one line.
pub(super) struct Line {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) condition: Condition,
    /// May anything be changed there? Of carriers alone.
    pub(super) writes: Option<bool>,
    pub(super) read: Option<Moment>,
    pub(super) meter: Option<Meter>,
    /// Rows of changes that wait for it.
    pub(super) waiting: i64,
}

/// What a carrier is called.
pub(super) fn carrier(integration: &str) -> &'static str {
    match integration {
        "thingspace" => "Verizon ThingSpace",
        "control_center" => "Cisco Control Center",
        "telegence" => "AT&T Telegence",
        _ => "Carrier",
    }
}

/// Why a reading of a carrier's list does not count as whole.
pub(super) fn carrier_trouble(reading: Option<&database::carrier::Progress>) -> Option<String> {
    let reading = reading?;
    trouble(reading.kept_because.as_deref(), reading.unreadable)
}

pub(super) fn trouble(kept_because: Option<&str>, unreadable: i32) -> Option<String> {
    match (kept_because, unreadable) {
        (Some(because), _) => Some(because.to_owned()),
        (None, 0) => None,
        (None, unreadable) => Some(format!("{} could not be understood.", grouped(unreadable.into()))),
    }
}

/// What an account at a carrier is known by.
pub(super) fn carrier_condition(
    account: &CarrierAccount,
    reading: Option<&database::carrier::Progress>,
    health: Option<&AccountHealth>,
    zone: &str,
) -> Condition {
    let known = Known {
        paused_because: account.paused_because.as_deref(),
        can_sign_in: database::carrier::CARRIER_CREDENTIAL_FIELDS.iter().all(|f| account.credentials.contains_key(*f)),
        health,
        trouble: carrier_trouble(reading),
        read_at: reading.and_then(|reading| reading.read_at),
    };
    condition_of(&known, zone)
}

/// The accounts at carriers that the caller may see. What an account is sent and how it signs in is the administrators' matter.
pub(super) async fn carriers(app: &App, member: &Member, zone: &str) -> Result<Vec<Line>, Problem> {
    let (caller, administers) = (member.caller().0, member.signed_in.rights.may(Act::Administer));
    let providers = database::service_provider::list(&app.ledger, &caller, None, 1_000).await?;
    let health = if administers {
        database::account_health::accounts(&app.ledger, caller.tenant).await?
    } else {
        HashMap::new()
    };
    let mut lines = Vec::with_capacity(providers.len());
    for provider in providers {
        lines.push(if administers {
            carrier_line(app, member, provider, &health, zone).await?
        } else {
            let said = if provider.write_enabled { ("good", "May be written to") } else { ("calm", "Read only") };
            bare(provider, condition(said.0, said.1, ""))
        });
    }
    Ok(lines)
}

fn bare(provider: ServiceProvider, condition: Condition) -> Line {
    Line {
        path: format!("/service-providers/{}", provider.id),
        kind: carrier(&provider.integration),
        writes: Some(provider.write_enabled),
        name: provider.name,
        condition,
        read: None,
        meter: None,
        waiting: 0,
    }
}

async fn carrier_line(
    app: &App,
    member: &Member,
    provider: ServiceProvider,
    health: &HashMap<Uuid, AccountHealth>,
    zone: &str,
) -> Result<Line, Problem> {
    let tenant = member.caller().0.tenant;
    if provider.at_owner.1 != provider.id {
        return Ok(bare(provider, condition("calm", "Your partner's", "")));
    }
    let Some(account) = database::carrier::get(&app.ledger, tenant, provider.id).await? else {
        return Ok(bare(provider, condition("calm", "Kept by hand", "")));
    };
    let reading = database::carrier::progress(&app.ledger, tenant, provider.id).await?;
    let known = health.get(&provider.id.0);
    let condition = carrier_condition(&account, reading.as_ref(), known, zone);
    let taken = known.map_or(0, |health| health.taken_today);
    Ok(Line {
        read: moment_of(reading.and_then(|reading| reading.read_at), zone),
        meter: Some(meter(taken, account.calls_per_day, account.calls_per_minute)),
        waiting: known.map_or(0, |health| health.waiting),
        ..bare(provider, condition)
    })
}

/// How an account at Rev.io is, and when the oldest part of its mirror was read.
pub(super) fn billing_condition(
    account: &Account,
    readings: &[database::rev_io::Progress],
    health: Option<&AccountHealth>,
    zone: &str,
) -> (Condition, Option<Timestamp>) {
    let whole = !readings.is_empty() && readings.iter().all(|reading| reading.mirrored_at.is_some());
    let read_at = readings.iter().filter_map(|reading| reading.mirrored_at).min().filter(|_| whole);
    if account.base_url.is_none() {
        return (condition("calm", "Kept by hand", ""), None);
    }
    let troubles = readings.iter().find_map(|reading| {
        trouble(reading.kept_because.as_deref(), reading.unreadable).map(|said| format!("{}: {said}", reading.resource))
    });
    let known = Known {
        paused_because: account.paused_because.as_deref(),
        can_sign_in: ["username", "password"].iter().all(|field| account.credentials.contains_key(*field)),
        health,
        trouble: troubles,
        read_at,
    };
    (condition_of(&known, zone), read_at)
}

/// The accounts at Rev.io.
pub(super) async fn billing(app: &App, member: &Member, zone: &str) -> Result<Vec<Line>, Problem> {
    let tenant = member.caller().0.tenant;
    let health = database::account_health::accounts(&app.ledger, tenant).await?;
    let mut lines = Vec::new();
    for account in database::rev_io::accounts(&app.ledger, tenant).await? {
        let readings = database::rev_io::progress(&app.ledger, tenant, account.id).await?;
        let known = health.get(&account.id.0);
        let (condition, read_at) = billing_condition(&account, &readings, known, zone);
        let taken = known.map_or(0, |health| health.taken_today);
        lines.push(Line {
            path: format!("/integration-authentications/{}", account.id),
            kind: "Rev.io",
            writes: None,
            read: moment_of(read_at, zone),
            meter: account.base_url.is_some().then(|| meter(taken, account.calls_per_day, account.calls_per_minute)),
            waiting: known.map_or(0, |health| health.waiting),
            name: account.name,
            condition,
        });
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_told_first() {
        let open = AccountHealth { failures: 3, ..AccountHealth::default() };
        let blocked = AccountHealth { blocked_until: Some(Timestamp::UNIX_EPOCH), ..AccountHealth::default() };
        let known = |paused_because, can_sign_in, health, trouble: Option<&str>, read_at| {
            let trouble = trouble.map(str::to_owned);
            condition_of(&Known { paused_because, can_sign_in, health, trouble, read_at }, "UTC").word
        };
        let read = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(known(Some("x"), false, Some(&open), Some("x"), None), "Paused");
        assert_eq!(known(None, false, Some(&open), Some("x"), None), "Not signed in");
        assert_eq!(known(None, true, Some(&open), Some("x"), None), "Left alone");
        assert_eq!(known(None, true, Some(&blocked), Some("x"), None), "Waits");
        assert_eq!(known(None, true, None, Some("x"), read), "Not read whole");
        assert_eq!(known(None, true, None, None, None), "Not read yet");
        assert_eq!(known(None, true, Some(&AccountHealth::default()), None, read), "Read");
    }

    #[test]
    fn a_budget_is_said_in_words_too() {
        let meter = meter(81_204, 100_000, 100);
        assert!(meter.used > meter.high);
        assert_eq!(meter.said, "81,204 of 100,000 calls today (UTC), at most 100 a minute");
    }
}
