//! The run's private PostgreSQL, and databases copied from a template that is migrated once.

use anyhow::{Context as _, Result};
use database::embedded::{Binaries, Embedded, Settings};
use database::{Role, Server, migrate};
use domain::ids::TenantId;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

const TEMPLATE: &str = "ascribe_template";

/// The setting with which `with-postgres` tells its tests where the run's server is.
pub const VARIABLE: &str = "ASCRIBE_TEST_CLUSTER";

/// Are the long runs asked for?
#[must_use]
pub fn in_deep_run() -> bool {
    std::env::var_os("ASCRIBE_DEEP").is_some()
}

fn named_binaries() -> Option<PathBuf> {
    std::env::var_os("ASCRIBE_PG_BIN").map(PathBuf::from)
}

/// Where nobody installed PostgreSQL, all runs use one that is unpacked once, where `make demo` has its own, too.
fn binaries() -> Result<Binaries> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    Ok(Binaries::find_or_unpack(named_binaries().as_deref(), &data)?)
}

/// A private server with a migrated template; stopped and removed when dropped by its owner.
#[derive(Debug)]
pub struct TestCluster {
    embedded: Embedded,
    folder: PathBuf,
    binaries: PathBuf,
}

impl TestCluster {
    /// Starts one in a folder of its own. Its data is thrown away, so it does not wait for the disk.
    ///
    /// # Errors
    /// PostgreSQL does not start, or the template cannot be made.
    pub fn start() -> Result<Self> {
        Self::start_with(false)
    }

    /// Starts one that waits for the disk, if that is what is measured.
    ///
    /// # Errors
    /// PostgreSQL does not start, or the template cannot be made.
    pub fn start_with(fsync: bool) -> Result<Self> {
        let binaries = binaries()?.folder().to_owned();
        let folder = tempfile::Builder::new().prefix("ascribe-test.").tempdir()?.keep();
        // The server's user has to get through.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
        let settings = Settings { data: folder.join("data"), binaries: Some(binaries.clone()), fsync };
        let embedded = Embedded::start(&settings)?;
        let cluster = Self { embedded, folder, binaries };
        block_on(cluster.make_template())??;
        Ok(cluster)
    }

    /// Where it is; a test that is told so joins it.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder of the PostgreSQL programs it runs.
    #[must_use]
    pub fn binaries(&self) -> &Path {
        &self.binaries
    }

    async fn make_template(&self) -> Result<()> {
        let admin = self.embedded.admin();
        migrate::create_database(&admin, TEMPLATE).await?;
        migrate::roles(&admin.database(TEMPLATE)).await?;
        migrate::let_roles_log_in(&admin).await?;
        migrate::schema(&self.embedded.server().database(TEMPLATE)).await?;
        Ok(())
    }

    /// Our roles, on the template.
    #[must_use]
    pub fn template(&self) -> Server {
        self.embedded.server().database(TEMPLATE)
    }

    /// The superuser, on the maintenance database.
    #[must_use]
    pub fn admin(&self) -> Server {
        self.embedded.admin()
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        self.embedded.stop();
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// A future, run to its end on a thread of its own: usable from inside a runtime and from outside.
fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| -> Result<T> {
            Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
        });
        thread.join().map_err(|_| anyhow::anyhow!("a helper thread panicked"))?
    })
}

/// The server of this run: the one `with-postgres` started, or one of this process's own, which ends with the process.
fn run_server() -> Result<&'static (Server, Server)> {
    static SERVER: OnceLock<(Server, Server)> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = SERVER.get() {
        return Ok(found);
    }
    let embedded = if let Some(data) = std::env::var_os(VARIABLE) {
        let settings = Settings { data: Path::new(&data).to_owned(), binaries: named_binaries(), fsync: false };
        let guest = Embedded::start(&settings)?;
        anyhow::ensure!(!guest.is_owner(), "{VARIABLE} is set, but nobody runs a server there");
        guest
    } else {
        let cluster = TestCluster::start()?;
        let addresses = (cluster.embedded.admin(), cluster.embedded.server());
        // Kept until the process ends; the server's parent-death signal ends it then.
        std::mem::forget(cluster);
        return Ok(SERVER.get_or_init(|| addresses));
    };
    let addresses = (embedded.admin(), embedded.server());
    Ok(SERVER.get_or_init(|| addresses))
}

/// Runs this as the owner of the objects, in a tenant: where no superuser can be had.
///
/// # Errors
/// The statement fails.
pub async fn plant_as_owner(server: &Server, tenant: TenantId, sql: &str) -> Result<()> {
    let mut connection = server.connect_as(Role::Owner).await?;
    sqlx::query("select set_config('app.tenant', $1, false)").bind(tenant.to_string()).execute(&mut connection).await?;
    connection.execute(AssertSqlSafe(sql.to_owned())).await?;
    Ok(connection.close().await?)
}

/// One number, asked as the auditor.
///
/// # Errors
/// The statement fails.
pub async fn number(server: &Server, sql: &str) -> Result<i64> {
    let mut auditor = server.connect_as(Role::Auditor).await?;
    let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut auditor).await?;
    auditor.close().await?;
    Ok(number)
}

/// A database of one test's own, dropped with it.
#[derive(Debug)]
pub struct TestDatabase {
    admin: Server,
    server: Server,
    name: String,
}

impl TestDatabase {
    /// A migrated, empty one.
    ///
    /// # Errors
    /// PostgreSQL does not start or answer.
    pub async fn new() -> Result<Self> {
        Self::from_template(TEMPLATE).await
    }

    /// One without any schema.
    ///
    /// # Errors
    /// PostgreSQL does not start or answer.
    pub async fn bare() -> Result<Self> {
        Self::from_template("template1").await
    }

    /// A migrated, empty one in this cluster.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn new_in(cluster: &TestCluster) -> Result<Self> {
        Self::copy(TEMPLATE, &cluster.admin(), &cluster.template()).await
    }

    async fn from_template(template: &str) -> Result<Self> {
        let (admin, server) = tokio::task::spawn_blocking(run_server).await??;
        Self::copy(template, admin, server).await
    }

    async fn copy(template: &str, admin: &Server, server: &Server) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let mut connection = admin.connect().await.context("the test server does not answer")?;
        // Copies of one template take turns: a template must not be in use.
        connection.execute("select pg_advisory_lock(4711)").await?;
        connection.execute(AssertSqlSafe(format!("create database {name} template {template}"))).await?;
        connection.close().await?;
        Ok(Self { admin: admin.clone(), server: server.database(&name), name })
    }

    /// Its address for our roles.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// Its address for the superuser, who plants faults.
    #[must_use]
    pub fn admin(&self) -> Server {
        self.admin.database(&self.name)
    }

    /// Runs SQL as the superuser: to plant a fault, or to look where no role may.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn plant(&self, sql: &str) -> Result<()> {
        let mut connection = self.admin().connect().await?;
        connection.execute(AssertSqlSafe(sql.to_owned())).await?;
        Ok(connection.close().await?)
    }

    /// Takes the database away, as an outage does, or gives it back.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn set_available(&self, available: bool) -> Result<()> {
        let mut connection = self.admin.connect().await?;
        let allow = format!("alter database {} allow_connections {available}", self.name);
        connection.execute(AssertSqlSafe(allow)).await?;
        if !available {
            let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
            sqlx::query(end).bind(&self.name).execute(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }

    /// One number, asked as the auditor.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        number(&self.server, sql).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // Best effort: the whole server goes at the end of the run.
        drop(block_on(async move {
            if let Ok(mut connection) = admin.connect().await {
                drop(connection.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await);
            }
        }));
    }
}
