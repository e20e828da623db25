//! Settings: `ascribe.toml` in the current folder, then `ASCRIBE_*` environment variables, which win. Secrets never on the
//! command line.

mod outside;

use anyhow::Context as _;
use database::person::session::SessionLimits;
use database::secret::KeyRing;
use domain::clock::Clock;
use domain::ids::Ids;
use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use intake::PlannerSettings;
use queue::BeltSettings;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use web::PeopleSettings;

/// Every setting, with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where the embedded database and the spool are.
    pub(crate) data: PathBuf,
    /// The API's address.
    pub(crate) listen: SocketAddr,
    /// A folder with PostgreSQL's programs.
    pub(crate) pg_bin: Option<PathBuf>,
    /// Where the client commands find the API.
    pub(crate) url: String,
    /// The client commands' key.
    pub(crate) api_key: Option<String>,
    /// A file with that key, which nobody else may read.
    pub(crate) api_key_file: Option<PathBuf>,
    /// How long a claimed chunk is a worker's.
    pub(crate) lease_seconds: f64,
    /// Rows to change per chunk.
    pub(crate) chunk_rows: i32,
    /// Chunks worked on at a time.
    pub(crate) lanes: usize,
    /// Claims of rows that wait for a provider carried on at a time.
    pub(crate) outside_lanes: usize,
    /// How long one call to a provider may take.
    pub(crate) call_seconds: f64,
    /// How long after that a write that nobody knows of may still arrive.
    pub(crate) settle_seconds: f64,
    /// When what was ever unknown is looked at again: three times, in minutes from the end of its row.
    pub(crate) sweep_minutes: String,
    /// `auto`: what was done of a row that cannot be finished is taken back; `ask`: a person is asked first.
    pub(crate) compensation: String,
    /// When a carrier is asked what has become of what it has accepted: four times in minutes from its sending, then every so many,
    /// until so many.
    pub(crate) carrier_look_minutes: String,
    /// How long after it was sent what a carrier is not known to have done may still come about.
    pub(crate) carrier_settle_seconds: f64,
    /// `undo`: a SIM that was activated and gets no static address is deactivated again; `keep`: it stays, and a person is asked.
    pub(crate) static_ip_failure: String,
    /// How often it is looked for work without a wake-up.
    pub(crate) poll_seconds: f64,
    /// For how long a plan may be applied.
    pub(crate) plan_expires_hours: f64,
    /// How long an answer waits for a plan before it is 202.
    pub(crate) plan_wait_seconds: f64,
    /// How many requests a second an API key may make, after a burst; 0: as many as it likes.
    pub(crate) requests_per_second: u32,
    /// How many at once.
    pub(crate) requests_burst: u32,
    /// The address that people use, such as `https://ascribe.example`. With https, cookies are for TLS alone.
    pub(crate) public_url: Option<String>,
    /// How many proxies stand in front of the API, each of which adds to `X-Forwarded-For`.
    pub(crate) proxies: usize,
    /// After so many minutes without a request somebody has to sign in again.
    pub(crate) session_idle_minutes: f64,
    /// After so many hours somebody has to sign in again, whatever they do.
    pub(crate) session_hours: f64,
    /// A file with the key that seals secrets, which nobody else may read. The embedded database has its own if none is named.
    pub(crate) secret_key_file: Option<PathBuf>,
    /// The hosts at which accounts at Rev.io may be, with commas between them.
    pub(crate) rev_io_hosts: String,
    /// The hosts at which accounts at carriers may be, with commas between them.
    pub(crate) carrier_hosts: String,
    /// Hosts with their ports at which webhooks may be besides public ones, with commas between them.
    pub(crate) webhook_hosts: String,
    /// How old what is known of Rev.io may become before it is read again.
    pub(crate) sync_minutes: f64,
    /// How old what is known of Rev.io may be where a plan opens, closes or takes over lines, before it asks again.
    pub(crate) billing_minutes: f64,
    /// How long such a plan waits for the answer.
    pub(crate) billing_wait_seconds: f64,
    /// `text` or `json`.
    pub(crate) log_format: String,
    /// What is logged, as tracing filters say it (`ASCRIBE_LOG`).
    pub(crate) log: Option<String>,
    /// The database, if it is not the embedded one. Read from `DATABASE_URL`, without a prefix.
    #[serde(skip)]
    pub(crate) database_url: Option<String>,
}

/// Where a client command goes, under a name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    url: String,
    api_key_file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            pg_bin: None,
            url: "http://127.0.0.1:8080".into(),
            api_key: None,
            api_key_file: None,
            lease_seconds: 60.0,
            chunk_rows: 1_000,
            lanes: 2,
            outside_lanes: 4,
            call_seconds: 30.0,
            settle_seconds: 120.0,
            sweep_minutes: "15,60,1440".into(),
            compensation: "auto".into(),
            carrier_look_minutes: "2,5,15,60,60,1440".into(),
            carrier_settle_seconds: 900.0,
            static_ip_failure: "undo".into(),
            poll_seconds: 1.0,
            plan_expires_hours: 24.0,
            plan_wait_seconds: 20.0,
            requests_per_second: 100,
            requests_burst: 500,
            public_url: None,
            proxies: 0,
            session_idle_minutes: 30.0,
            session_hours: 12.0,
            secret_key_file: None,
            rev_io_hosts: "api.revioapi.com,restapi.rev.io".into(),
            carrier_hosts: "thingspace.verizon.com".into(),
            webhook_hosts: String::new(),
            sync_minutes: 60.0,
            billing_minutes: 1_440.0,
            billing_wait_seconds: 120.0,
            log_format: "text".into(),
            log: None,
            database_url: None,
        }
    }
}

impl Settings {
    /// Reads them.
    pub(crate) fn load() -> anyhow::Result<Self> {
        // This folder's file and no other: a file in a folder above is somebody else's.
        let file = PathBuf::from("ascribe.toml");
        let figment = if file.exists() { Figment::new().merge(Toml::file_exact(file)) } else { Figment::new() };
        let figment = figment.merge(Env::prefixed("ASCRIBE_").ignore(&[
            "macros_database_url",
            "test_cluster",
            "deep",
            "write_docs",
            "profile",
        ]));
        let mut settings: Self = figment.extract()?;
        settings.database_url = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty());
        for (name, value) in [
            ("lease_seconds", settings.lease_seconds),
            ("poll_seconds", settings.poll_seconds),
            ("call_seconds", settings.call_seconds),
            ("settle_seconds", settings.settle_seconds),
            ("sync_minutes", settings.sync_minutes),
            ("billing_minutes", settings.billing_minutes),
            ("billing_wait_seconds", settings.billing_wait_seconds),
            ("plan_expires_hours", settings.plan_expires_hours),
            ("plan_wait_seconds", settings.plan_wait_seconds),
            ("session_idle_minutes", settings.session_idle_minutes),
            ("session_hours", settings.session_hours),
        ] {
            anyhow::ensure!(value.is_finite() && value > 0.0 && value < 1e6, "{name} must be a positive number");
        }
        if let Some(url) = &settings.public_url {
            let host = url
                .strip_prefix("https://")
                .or_else(|| url.strip_prefix("http://"))
                .map(|rest| rest.trim_end_matches('/'));
            let sound = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']));
            anyhow::ensure!(sound, "public_url must be like https://ascribe.example, without a path");
        }
        anyhow::ensure!(settings.proxies <= 16, "proxies must be from 0 to 16");
        anyhow::ensure!((1..=10_000).contains(&settings.chunk_rows), "chunk_rows must be from 1 to 10000");
        for host in settings.webhook_hosts() {
            let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            anyhow::ensure!(
                port.is_some(),
                "webhook_hosts has {host:?}; each is a host with its port, such as hooks.inside:8443"
            );
        }
        anyhow::ensure!((1..=64).contains(&settings.lanes), "lanes must be from 1 to 64");
        anyhow::ensure!(settings.outside_lanes <= 64, "outside_lanes must be from 0 to 64");
        anyhow::ensure!(matches!(settings.compensation.as_str(), "auto" | "ask"), "compensation must be auto or ask");
        anyhow::ensure!(
            matches!(settings.static_ip_failure.as_str(), "undo" | "keep"),
            "static_ip_failure must be undo or keep"
        );
        settings.outside()?;
        Ok(settings)
    }

    /// The same with a profile's address and key: that of the profile wins over the environment, because it was asked for by name.
    pub(crate) fn with_profile(mut self, name: Option<&str>) -> anyhow::Result<Self> {
        let Some(name) = name else { return Ok(self) };
        let folder = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let folder = folder.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
        let file = folder.context("neither XDG_CONFIG_HOME nor HOME is set")?.join("ascribe/profiles.toml");
        anyhow::ensure!(file.exists(), "there is no {}", file.display());
        let mut profiles: BTreeMap<String, Profile> = Figment::new().merge(Toml::file_exact(&file)).extract()?;
        let known = profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        let profile = profiles.remove(name);
        let profile = profile.with_context(|| format!("{} has no profile {name:?}, only {known}", file.display()))?;
        self.url = profile.url;
        if profile.api_key_file.is_some() {
            self.api_key = None;
            self.api_key_file = profile.api_key_file;
        }
        Ok(self)
    }

    /// The client commands' key, from the environment or from its file.
    pub(crate) fn api_key(&self) -> anyhow::Result<Option<String>> {
        if let (None, Some(path)) = (&self.api_key, &self.api_key_file) {
            return Ok(Some(read_private(path)?.expose_secret().trim().to_owned()));
        }
        Ok(self.api_key.clone())
    }

    /// The hosts at which accounts at Rev.io may be.
    pub(crate) fn rev_io_hosts(&self) -> Vec<String> {
        listed(&self.rev_io_hosts)
    }

    /// The hosts at which accounts at carriers may be.
    pub(crate) fn carrier_hosts(&self) -> Vec<String> {
        listed(&self.carrier_hosts)
    }

    /// Hosts with their ports at which webhooks may be besides public ones.
    pub(crate) fn webhook_hosts(&self) -> Vec<String> {
        listed(&self.webhook_hosts)
    }

    /// Where the keys are; none: nowhere.
    pub(crate) fn secret_key_path(&self) -> Option<PathBuf> {
        let own = self.database_url.is_none().then(|| self.data.join("secret.key"));
        self.secret_key_file.clone().or(own)
    }

    /// The keys that seal secrets. With the embedded database one is made at the first start; with another database somebody
    /// has to make it, because every process that uses that database needs the same one. None: there is none.
    pub(crate) fn keys(&self, ids: &Ids) -> anyhow::Result<Option<KeyRing>> {
        let Some(path) = self.secret_key_path() else { return Ok(None) };
        if self.secret_key_file.is_none() && !path.exists() {
            std::fs::create_dir_all(&self.data)?;
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            match made {
                Ok(mut file) => {
                    writeln!(file, "{}", KeyRing::new_key(ids).expose_secret())?;
                    file.sync_all()?;
                }
                // Another role of the same data directory was faster.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("cannot make {}", path.display())),
            }
        }
        let text = read_private(&path)?;
        let ring = KeyRing::read(&text).with_context(|| format!("cannot use {}", path.display()))?;
        Ok(Some(ring))
    }

    /// Logs to stderr from here on.
    pub(crate) fn start_log(&self, level: &str) {
        use std::io::IsTerminal as _;
        // Planning a million rows has statements that take seconds; sqlx would print each with its text.
        let usual = format!("{level},sqlx::query=error");
        let filter = tracing_subscriber::EnvFilter::try_new(self.log.as_deref().unwrap_or(&usual))
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(&usual));
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        if self.log_format == "json" { subscriber.json().init() } else { subscriber.init() }
    }

    pub(crate) fn planner(&self) -> PlannerSettings {
        PlannerSettings {
            chunk_rows: self.chunk_rows,
            expires_in: Duration::from_secs_f64(self.plan_expires_hours * 3600.0),
            billing_fresh_for: Duration::from_secs_f64(self.billing_minutes * 60.0),
            billing_wait: Duration::from_secs_f64(self.billing_wait_seconds),
            ..PlannerSettings::default()
        }
    }

    pub(crate) fn belt(&self) -> BeltSettings {
        BeltSettings {
            lanes: self.lanes,
            outside_lanes: self.outside_lanes,
            lease: self.lease(),
            outside_lease: self.outside_lease(),
            poll_every: self.poll(),
        }
    }

    /// How people sign in; `own_url` is where this process answers.
    pub(crate) fn people(&self, own_url: String) -> PeopleSettings {
        PeopleSettings {
            limits: SessionLimits {
                idle: Duration::from_secs_f64(self.session_idle_minutes * 60.0),
                absolute: Duration::from_secs_f64(self.session_hours * 3600.0),
            },
            public_url: self.public_url.clone(),
            own_url,
            proxies: self.proxies,
        }
    }

    pub(crate) fn poll(&self) -> Duration {
        Duration::from_secs_f64(self.poll_seconds)
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs_f64(self.lease_seconds)
    }
}

/// What a setting lists, with commas between them.
fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// A file with a secret, which nobody else may read.
pub(crate) fn read_private(path: &Path) -> anyhow::Result<SecretString> {
    let about = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    let others = about.permissions().mode() & 0o077;
    anyhow::ensure!(others == 0, "others may read {}; chmod 600 it", path.display());
    Ok(SecretString::from(std::fs::read_to_string(path)?))
}

/// The machine's clock: the one place where the program reads it.
#[expect(clippy::disallowed_methods, reason = "the clock enters here and is an argument everywhere else")]
pub(crate) fn clock() -> Clock {
    Clock::from_fn(jiff::Timestamp::now)
}

/// Ids from the machine's clock and randomness.
pub(crate) fn ids() -> Ids {
    use rand::TryRngCore as _;
    let mut seed = [0; 32];
    // Without randomness ids would repeat and keys could be guessed: there is no going on.
    if rand::rngs::OsRng.try_fill_bytes(&mut seed).is_err() {
        eprintln!("ascribe: the system gives no randomness");
        std::process::exit(1);
    }
    Ids::new(clock(), seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_in_the_operators_document_are_these_with_these_defaults() {
        let text = include_str!("../../../docs/operating.md");
        let defaults = Settings::default();
        let rows = [
            ("DATA", defaults.data.display().to_string()),
            ("LISTEN", defaults.listen.to_string()),
            ("PG_BIN", "found".into()),
            ("LEASE_SECONDS", defaults.lease_seconds.to_string()),
            ("CHUNK_ROWS", defaults.chunk_rows.to_string()),
            ("LANES", defaults.lanes.to_string()),
            ("OUTSIDE_LANES", defaults.outside_lanes.to_string()),
            ("CALL_SECONDS", defaults.call_seconds.to_string()),
            ("SETTLE_SECONDS", defaults.settle_seconds.to_string()),
            ("SWEEP_MINUTES", defaults.sweep_minutes.clone()),
            ("COMPENSATION", defaults.compensation.clone()),
            ("CARRIER_LOOK_MINUTES", defaults.carrier_look_minutes.clone()),
            ("CARRIER_SETTLE_SECONDS", defaults.carrier_settle_seconds.to_string()),
            ("STATIC_IP_FAILURE", defaults.static_ip_failure.clone()),
            ("POLL_SECONDS", defaults.poll_seconds.to_string()),
            ("PLAN_EXPIRES_HOURS", defaults.plan_expires_hours.to_string()),
            ("PLAN_WAIT_SECONDS", defaults.plan_wait_seconds.to_string()),
            ("REQUESTS_PER_SECOND", defaults.requests_per_second.to_string()),
            ("REQUESTS_BURST", defaults.requests_burst.to_string()),
            ("PUBLIC_URL", "none".into()),
            ("PROXIES", defaults.proxies.to_string()),
            ("SESSION_IDLE_MINUTES", defaults.session_idle_minutes.to_string()),
            ("SESSION_HOURS", defaults.session_hours.to_string()),
            ("SECRET_KEY_FILE", "with the embedded database `<data>/secret.key`, made at the first start".into()),
            ("SYNC_MINUTES", defaults.sync_minutes.to_string()),
            ("BILLING_MINUTES", defaults.billing_minutes.to_string()),
            ("BILLING_WAIT_SECONDS", defaults.billing_wait_seconds.to_string()),
            ("REV_IO_HOSTS", defaults.rev_io_hosts),
            ("CARRIER_HOSTS", defaults.carrier_hosts),
            ("WEBHOOK_HOSTS", "none".into()),
            ("LOG", "info".into()),
            ("LOG_FORMAT", defaults.log_format),
            ("URL", defaults.url),
            ("API_KEY", "none".into()),
            ("API_KEY_FILE", "none".into()),
        ];
        for (name, default) in &rows {
            let documented = text.lines().find(|line| line.starts_with(&format!("| `ASCRIBE_{name}` |")));
            let line = documented.unwrap_or_else(|| panic!("ASCRIBE_{name} is not documented"));
            assert!(line.contains(&format!("| `{default}` |")) || line.contains(&format!("| {default} |")), "{line}");
        }
        assert_eq!(text.matches("| `ASCRIBE_").count(), rows.len());
    }

    #[test]
    fn the_exit_codes_in_the_operators_document_are_these() {
        let text = include_str!("../../../docs/operating.md");
        let named = [
            (crate::client::FAILED_ROWS, "not ok"),
            (crate::client::REFUSED, "refused"),
            (crate::client::NEEDS_ATTENTION, "need attention"),
            (crate::client::CONFLICT, "conflict"),
        ];
        for (code, word) in named {
            assert!(
                text.lines().any(|line| line.starts_with(&format!("| {code} |")) && line.contains(word)),
                "{code} {word}"
            );
        }
    }
}
