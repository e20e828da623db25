//! `/system`: is everything alive? From what the ledger knows: the database, work that waits, workers by what they last did,
//! accounts, and webhooks.

use super::accounts::{Line, billing, carriers};
use super::frame::Frame;
use super::page;
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, counted, elsewhere, grouped, moment, moment_of};
use crate::App;
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::chunk::Waiting;
use database::signs_of_life::{Heard, Signs, signs, webhooks};

/// Work that waits longer is not being done by anybody, and a trail that is not sealed for longer has no worker.
const LONGEST_SECONDS: f64 = 300.0;

/// One thing that was looked at.
struct Check {
    what: &'static str,
    tone: &'static str,
    word: &'static str,
    said: String,
    fix: &'static str,
}

fn check(
    what: &'static str,
    fine: bool,
    otherwise: (&'static str, &'static str),
    said: String,
    fix: &'static str,
) -> Check {
    let (tone, word) = if fine { ("good", "Fine") } else { otherwise };
    Check { what, tone, word, said, fix: if fine { "" } else { fix } }
}

struct Worker {
    actor: String,
    at: Moment,
}

struct Hook {
    url: String,
    tone: &'static str,
    word: &'static str,
    said: String,
    oldest: Option<Moment>,
}

#[derive(Template)]
#[template(path = "system.html")]
struct Page {
    frame: Frame,
    version: String,
    now: Moment,
    checks: Vec<Check>,
    workers: Vec<Worker>,
    lines: Vec<Line>,
    hooks: Vec<Hook>,
    elsewhere: Vec<Elsewhere>,
}

fn of_work(work: &Waiting) -> Check {
    let waits = work.oldest_due_seconds;
    let said = format!(
        "Due: {}; being done: {}; let go: {}; the oldest that is due waits for {waits:.0} s",
        counted(work.ready, "chunk", "chunks"),
        grouped(work.running),
        grouped(work.overdue)
    );
    let fix = "Is `ascribe work`, or `ascribe serve --work`, running? What it cannot do is in its log.";
    check("Work", waits < LONGEST_SECONDS && work.overdue == 0, ("warn", "Waits"), said, fix)
}

fn of_trail(signs: &Signs, zone: &str) -> Check {
    let late = signs.unsealed_since.map_or(0.0, |since| signs.now.duration_since(since).as_secs_f64());
    let said = match (signs.sealed_at, signs.unsealed_since) {
        (Some(at), None) => format!("All of it is sealed; last at {}", moment(at, zone).shown),
        (Some(at), Some(_)) => {
            format!("Last sealed at {}; the oldest entry since waits for {late:.0} s", moment(at, zone).shown)
        }
        (None, Some(_)) => format!("Nothing is sealed yet; the oldest entry waits for {late:.0} s"),
        (None, None) => "There is nothing to seal".to_owned(),
    };
    let fix = "A worker seals every minute. Is one running?";
    check("Audit trail", late < LONGEST_SECONDS, ("warn", "Not sealed"), said, fix)
}

fn hook(heard: Heard, zone: &str) -> Hook {
    let (tone, word) = match (&heard.paused_because, heard.given_up, heard.retried) {
        (Some(_), ..) => ("bad", "Paused"),
        (None, 1.., _) => ("bad", "Not heard"),
        (None, _, 1..) => ("warn", "Tried again"),
        _ => ("good", "Heard"),
    };
    let counts =
        format!("Tried again: {}; given up in the last day: {}", grouped(heard.retried), grouped(heard.given_up));
    Hook {
        url: heard.url,
        tone,
        word,
        said: heard.paused_because.map_or(counts.clone(), |because| format!("{because}; {counts}")),
        oldest: moment_of(heard.oldest, zone),
    }
}

pub(super) async fn show(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let (frame, zone) = Frame::of(&app, &member, "System", "/system").await?;
    let tenant = member.caller().0.tenant;
    let signs = signs(&app.ledger, tenant).await?;
    let work = database::chunk::waiting(&app.ledger).await?;
    let heard = webhooks(&app.ledger, tenant).await?;
    let mut lines = carriers(&app, &member, &zone).await?;
    lines.extend(billing(&app, &member, &zone).await?);
    let secrets = app.keys.is_some();
    let fix = "Set ASCRIBE_SECRET_KEY_FILE, and start it again: without it credentials can neither be kept nor used.";
    let said = if secrets { "Credentials can be sealed and used" } else { "There is no key that seals credentials" };
    page(&Page {
        frame,
        version: crate::openapi::document().info.version,
        now: moment(signs.now, &zone),
        checks: vec![
            check("Database", true, ("bad", "Away"), format!("PostgreSQL {} answers", signs.database), ""),
            of_work(&work),
            of_trail(&signs, &zone),
            check("Secret key", secrets, ("bad", "Missing"), said.to_owned(), fix),
        ],
        workers: signs
            .workers
            .into_iter()
            .map(|worker| Worker { at: moment(worker.at, &zone), actor: worker.actor })
            .collect(),
        lines,
        hooks: heard.into_iter().map(|heard| hook(heard, &zone)).collect(),
        elsewhere: vec![
            elsewhere("Everything, with fixes, at the machine", "ascribe doctor", "GET /readyz, GET /metrics"),
            elsewhere("Webhooks", "ascribe webhook list", "GET /api/v1/webhooks"),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_waits_for_long_is_told_and_so_is_work_that_was_let_go() {
        let work =
            |oldest_due_seconds, overdue| of_work(&Waiting { ready: 2, running: 0, overdue, oldest_due_seconds });
        assert_eq!(work(10.0, 0).word, "Fine");
        assert_eq!(work(301.0, 0).word, "Waits");
        assert_eq!(work(0.0, 1).word, "Waits");
    }

    #[test]
    fn a_webhook_that_is_not_heard_is_told() {
        let heard = |paused_because: Option<&str>, retried, given_up| {
            let (id, url, paused_because) = (uuid::Uuid::nil(), String::new(), paused_because.map(str::to_owned));
            hook(Heard { id, url, paused_because, retried, given_up, oldest: None }, "UTC").word
        };
        assert_eq!(heard(Some("410"), 0, 0), "Paused");
        assert_eq!(heard(None, 0, 1), "Not heard");
        assert_eq!(heard(None, 1, 0), "Tried again");
        assert_eq!(heard(None, 0, 0), "Heard");
    }
}
