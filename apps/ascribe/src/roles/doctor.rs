//! `ascribe doctor`: looks at everything that has to be right, and says how to mend what is not. Changes nothing.

use crate::client::Api;
use crate::client::output::{Column, Output, Printer};
use crate::roles::open;
use crate::settings::Settings;
use database::examine::{Examination, examine};
use database::{DatabaseError, Ledger};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

const COLUMNS: &[Column] = &[("Check", "/check"), ("State", "/state"), ("What", "/what"), ("Fix", "/fix")];

/// Less free than this is too little to go on with.
const LEAST_FREE_GIB: f64 = 1.0;
/// Less free than this is soon too little.
const FEW_FREE_GIB: f64 = 5.0;
/// Two clocks that are further apart make dates and leases doubtful.
const MOST_CLOCK_SECONDS: f64 = 2.0;
/// Work that waits longer is not being done by anybody.
const LONGEST_WAIT_SECONDS: f64 = 300.0;

/// What was found, one after the other.
#[derive(Default)]
struct Findings(Vec<Value>);

impl Findings {
    fn add(&mut self, check: &str, state: &str, what: impl Into<String>, fix: &str) {
        self.0.push(json!({ "check": check, "state": state, "what": what.into(), "fix": fix }));
    }

    /// Fine, or not: then with what to do about it.
    fn fine(&mut self, check: &str, fine: bool, otherwise: &str, what: impl Into<String>, fix: &str) {
        if fine { self.add(check, "ok", what, "") } else { self.add(check, otherwise, what, fix) }
    }
}

/// 1: something is broken.
pub(crate) async fn run(settings: &Settings, output: Output) -> anyhow::Result<ExitCode> {
    let mut found = Findings::default();
    folder(settings, &mut found);
    secrets(settings, &mut found);
    database(settings, &mut found).await;
    api(settings, &mut found).await;
    let broken = found.0.iter().any(|finding| finding["state"] == "broken");
    let mut printer = Printer::new(output, COLUMNS)?;
    found.0.into_iter().try_for_each(|finding| printer.item(finding))?;
    printer.finish()?;
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn folder(settings: &Settings, found: &mut Findings) {
    let data = &settings.data;
    if !data.exists() {
        found.add("data", "note", format!("{} does not exist yet", data.display()), "`ascribe serve` makes it.");
        return;
    }
    let writable = nix::unistd::access(data, nix::unistd::AccessFlags::W_OK).is_ok();
    let fix = "Run as the user who owns it, or set ASCRIBE_DATA.";
    found.fine(
        "data",
        writable,
        "broken",
        format!("{} is {}writable", data.display(), if writable { "" } else { "not " }),
        fix,
    );
    if let Ok(about) = nix::sys::statvfs::statvfs(data) {
        #[expect(clippy::cast_precision_loss, reason = "a tenth of a gibibyte is exact enough")]
        let free = about.blocks_available() as f64 * about.fragment_size() as f64 / 1024.0_f64.powi(3);
        let state = if free < LEAST_FREE_GIB { "broken" } else { "warning" };
        let fix = "Make room: PostgreSQL stops when its disk is full.";
        found.fine("disk", free >= FEW_FREE_GIB, state, format!("{free:.1} GiB free"), fix);
    }
    let spool = data.join("spool");
    if spool.exists() {
        let private = std::fs::metadata(&spool).is_ok_and(|about| about.permissions().mode() & 0o077 == 0);
        found.fine(
            "spool",
            private,
            "broken",
            "uploads are readable by their owner alone",
            "chmod 700 the spool folder.",
        );
    }
}

fn secrets(settings: &Settings, found: &mut Findings) {
    let from_file = Path::new("ascribe.toml");
    let told =
        std::fs::read_to_string(from_file).is_ok_and(|text| text.contains("api_key ") || text.contains("api_key="));
    if told {
        let fix = "Use ASCRIBE_API_KEY_FILE, with a file that nobody else may read.";
        found.add("secrets", "warning", "ascribe.toml holds an API key", fix);
    }
    match settings.api_key() {
        Err(error) => found.add("secrets", "broken", error.to_string(), "chmod 600 the file."),
        Ok(None) => {
            let fix = "Set ASCRIBE_API_KEY or ASCRIBE_API_KEY_FILE for the client commands.";
            found.add("secrets", "note", "no API key is set", fix);
        }
        Ok(Some(key)) => {
            let reads = domain::api_key::ApiKey::read(&key).is_some();
            found.fine(
                "secrets",
                reads,
                "broken",
                "the API key is well formed",
                "Copy the key again: a character is wrong.",
            );
        }
    }
}

async fn database(settings: &Settings, found: &mut Findings) {
    if settings.database_url.is_none() && !settings.data.join("embedded.lock").exists() {
        found.add("database", "note", "there is no embedded database yet", "`ascribe serve` makes it.");
        return;
    }
    let opened = match open(settings).await {
        Ok(opened) => opened,
        Err(error) => {
            let fix = "Start it, or correct DATABASE_URL; `ascribe migrate` makes its schema.";
            found.add("database", "broken", format!("{error:#}"), fix);
            return;
        }
    };
    let before = now();
    match examine(opened.ledger.server()).await {
        Ok(examined) => tell(&examined, before, now(), found),
        Err(error) => found.add("database", "broken", error.said(), "`ascribe migrate` makes or updates the schema."),
    }
    if let Err(error) = accounts(settings, &opened.ledger, found).await {
        found.add("rev.io", "broken", error.said(), "`ascribe migrate` makes or updates the schema.");
    }
    if let Err(error) = callbacks(settings, &opened.ledger, found).await {
        found.add("callbacks", "broken", error.said(), "`ascribe migrate` makes or updates the schema.");
    }
    opened.close().await;
}

/// Do carriers tell us what has become of requests? If not, that is read back on schedule, and takes longer.
async fn callbacks(settings: &Settings, ledger: &Ledger, found: &mut Findings) -> Result<(), DatabaseError> {
    for tenant in database::discard::tenants(ledger).await? {
        for account in database::carrier::accounts_to_read(ledger, tenant).await? {
            let name = account.name.as_str();
            match (&settings.public_url, account.called_back_since, account.callback_trouble) {
                (None, ..) => {
                    let fix = "Set ASCRIBE_PUBLIC_URL to an address that the carrier reaches.";
                    found.add("callbacks", "note", format!("{name} is read back on schedule alone"), fix);
                }
                (Some(_), _, Some(why)) => {
                    let fix = "Mend it; `ascribe sync` tries again at once, `ascribe serve` within the hour.";
                    found.add("callbacks", "warning", format!("{name} does not call back: {why}"), fix);
                }
                (Some(_), None, None) => {
                    let fix = "`ascribe serve` registers it, or `ascribe sync` does now.";
                    found.add("callbacks", "warning", format!("{name} was not told yet where to call back"), fix);
                }
                (Some(_), Some(since), None) => {
                    found.add("callbacks", "ok", format!("{name} calls back; looked at {since:.0}"), "");
                }
            }
        }
    }
    Ok(())
}

/// Accounts at Rev.io: can they be signed in to, are they read, and is what was read whole?
async fn accounts(settings: &Settings, ledger: &Ledger, found: &mut Findings) -> Result<(), DatabaseError> {
    // Looked at, and not made where there are none yet.
    let there = settings.secret_key_path().is_some_and(|path| path.exists() || settings.secret_key_file.is_some());
    let keys = if there { settings.keys(&crate::settings::ids()) } else { Ok(None) };
    let mut set_up = 0;
    for tenant in database::discard::tenants(ledger).await? {
        for account in database::rev_io::accounts(ledger, tenant).await?.into_iter().filter(|a| a.base_url.is_some()) {
            set_up += 1;
            let name = account.name.as_str();
            if let Some(because) = &account.paused_because {
                let fix = format!("Mend it, then `ascribe rev-account edit {} --paused false`.", account.id);
                found.add("rev.io", "warning", format!("{name} is paused: {because}"), &fix);
                continue;
            }
            if !account.credentials.contains_key("username") || !account.credentials.contains_key("password") {
                let fix = format!("`ascribe rev-account sign-in {}`.", account.id);
                found.add("rev.io", "warning", format!("{name} has no credentials"), &fix);
                continue;
            }
            let readings = database::rev_io::progress(ledger, tenant, account.id).await?;
            let kept =
                readings.iter().find_map(|r| r.kept_because.as_ref().map(|why| format!("{}: {why}", r.resource)));
            let oldest = readings.iter().filter_map(|r| r.mirrored_at).min();
            match (kept, oldest.filter(|_| readings.iter().all(|r| r.mirrored_at.is_some()))) {
                (Some(kept), _) => {
                    let fix = "Look at the account; if they are gone, `ascribe sync --accept-missing`.";
                    found.add("rev.io", "warning", format!("{name}: {kept}"), fix);
                }
                (None, None) => {
                    let fix =
                        "`ascribe serve` reads it, or `ascribe sync` does now; look in the log for why it could not.";
                    found.add("rev.io", "warning", format!("{name} was not read to its end yet"), fix);
                }
                (None, Some(oldest)) => {
                    let minutes = now().duration_since(oldest).as_secs_f64() / 60.0;
                    let fresh = minutes < 3.0 * settings.sync_minutes;
                    let what = format!("{name} was mirrored {minutes:.0} minutes ago");
                    found.fine(
                        "rev.io",
                        fresh,
                        "warning",
                        what,
                        "Is `ascribe serve` running? Its log says why it could not.",
                    );
                }
            }
        }
    }
    match keys {
        Ok(None) if set_up > 0 => {
            let fix = "Set ASCRIBE_SECRET_KEY_FILE: credentials can neither be kept nor used.";
            found.add("secret key", "broken", "there is no key that seals credentials", fix);
        }
        Err(error) => {
            found.add("secret key", "broken", format!("{error:#}"), "Correct ASCRIBE_SECRET_KEY_FILE; chmod 600 it.")
        }
        Ok(_) => {}
    }
    Ok(())
}

fn tell(examined: &Examination, before: Timestamp, after: Timestamp, found: &mut Findings) {
    let version = format!("PostgreSQL {}.{}", examined.version / 10_000, examined.version % 10_000);
    found.fine("database", examined.version >= 150_000, "broken", version, "Use PostgreSQL 15 or newer.");
    let missing = examined.missing_migrations;
    found.fine("schema", missing == 0, "broken", format!("{missing} migrations are missing"), "Run `ascribe migrate`.");
    let holes = examined.holes.join(" ");
    let what = if holes.is_empty() { "every table is guarded".to_owned() } else { holes };
    found.fine(
        "rights",
        examined.holes.is_empty(),
        "broken",
        what,
        "Run `ascribe migrate`; undo what was granted by hand.",
    );
    // It was asked after the one moment and before the other.
    let early = before.duration_since(examined.clock).as_secs_f64().max(0.0);
    let late = examined.clock.duration_since(after).as_secs_f64().max(0.0);
    let apart = early.max(late);
    let fix = "Set both clocks by NTP: dates, leases and keys depend on them.";
    let what = format!("this machine's and the database's are {apart:.1} s apart");
    found.fine("clock", apart <= MOST_CLOCK_SECONDS, "broken", what, fix);
    let months = examined.months_ahead;
    let fix = "Run `ascribe work`, which makes them; look in its log for why it could not.";
    found.fine("months", months >= 2, "broken", format!("partitions for {months} months from now"), fix);
    let waits = format!(
        "the oldest chunk waits for {:.0} s, {} were let go",
        examined.oldest_due_seconds, examined.overdue_chunks
    );
    let worked = examined.oldest_due_seconds < LONGEST_WAIT_SECONDS && examined.overdue_chunks == 0;
    found.fine("work", worked, "warning", waits, "Is `ascribe work`, or `ascribe serve --work`, running?");
    let sealed = examined.oldest_unsealed_seconds < LONGEST_WAIT_SECONDS;
    let what = format!("the oldest entry that is not sealed is {:.0} s old", examined.oldest_unsealed_seconds);
    found.fine("audit", sealed, "warning", what, "`ascribe work` seals; is it running?");
    let attention = examined.rows_needing_attention;
    let what = format!("{attention} rows need attention");
    found.fine("attention", attention == 0, "warning", what, "`ascribe change rows CHANGE --status NEEDS_ATTENTION`.");
    let (all, read_only) = examined.service_providers;
    let what = format!("{all} service providers, {read_only} of them read only");
    let fix = "`ascribe service-provider edit ID --write-enabled true`, when its carrier may be changed.";
    found.fine("providers", read_only == 0, "note", what, fix);
}

async fn api(settings: &Settings, found: &mut Findings) {
    let Ok(api) = Api::from_settings(settings) else { return };
    match api.get("/me", &[]).await {
        Ok(me) => {
            let what =
                format!("answers at {}; this key is a {}", settings.url, me["role"].as_str().unwrap_or_default());
            found.add("api", "ok", what, "");
        }
        Err(error) => found.add(
            "api",
            "broken",
            format!("{error:#}"),
            "Start `ascribe serve`, or correct ASCRIBE_URL or the key.",
        ),
    }
}

#[expect(clippy::disallowed_methods, reason = "the machine's clock is what is looked at")]
fn now() -> Timestamp {
    Timestamp::now()
}
