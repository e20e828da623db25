//! Connections: one pool per role, each doing SET ROLE before anybody uses it, and transactions that belong to a tenant.

use crate::Result;
use domain::ids::TenantId;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, Postgres, Transaction};
use std::str::FromStr;
use std::time::Duration;

/// A transaction in which row level security shows one tenant.
pub type TenantTransaction = Transaction<'static, Postgres>;

/// What a connection is allowed to do. See `sql/roles.sql`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Owns the objects; migrations, set-up, imports.
    Owner,
    /// Plans, applies, reads.
    Web,
    /// Settles.
    Worker,
    /// Claims, over all tenants, ids only.
    Dispatcher,
    /// Reads everything, writes nothing.
    Auditor,
}

impl Role {
    /// Every role, in the order of their rights.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Web, Self::Worker, Self::Dispatcher, Self::Auditor];

    /// Its name in the cluster.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "ascribe_owner",
            Self::Web => "ascribe_web",
            Self::Worker => "ascribe_worker",
            Self::Dispatcher => "ascribe_dispatcher",
            Self::Auditor => "ascribe_auditor",
        }
    }

    const fn set_role(self) -> &'static str {
        match self {
            Self::Owner => "set role ascribe_owner",
            Self::Web => "set role ascribe_web",
            Self::Worker => "set role ascribe_worker",
            Self::Dispatcher => "set role ascribe_dispatcher",
            Self::Auditor => "set role ascribe_auditor",
        }
    }

    /// How long one statement may take; a page must answer, a settle may work.
    const fn statement_timeout(self) -> &'static str {
        match self {
            Self::Web | Self::Worker => "set statement_timeout = '120s'",
            Self::Dispatcher => "set statement_timeout = '5s'",
            Self::Owner | Self::Auditor => "set statement_timeout = 0",
        }
    }
}

/// Where the ledger is: an address and who logs in there.
#[derive(Clone, Debug)]
pub struct Server {
    options: PgConnectOptions,
    /// Each role logs in as itself (the embedded server); else one login does SET ROLE.
    logs_in_as_role: bool,
    /// How far its clock is off, for tests.
    offset: Option<String>,
}

impl Server {
    /// A server reached by a `postgres://` URL.
    ///
    /// # Errors
    /// The URL does not parse.
    pub fn from_url(url: &str) -> Result<Self> {
        Ok(Self { options: PgConnectOptions::from_str(url)?, logs_in_as_role: false, offset: None })
    }

    /// A server reached by options that were put together before (the embedded one).
    #[must_use]
    pub const fn from_options(options: PgConnectOptions) -> Self {
        Self { options, logs_in_as_role: false, offset: None }
    }

    /// The same server, another database.
    #[must_use]
    pub fn database(&self, name: &str) -> Self {
        Self { options: self.options.clone().database(name), ..self.clone() }
    }

    /// The same server, reached through a socket in this folder. For tests that stand in between.
    #[must_use]
    pub fn behind_socket(&self, folder: &std::path::Path) -> Self {
        Self { options: self.options.clone().socket(folder), ..self.clone() }
    }

    /// The folder of its socket, if it has one.
    #[must_use]
    pub fn socket_folder(&self) -> Option<std::path::PathBuf> {
        self.options.get_socket().cloned()
    }

    /// The same server and database, another login.
    #[must_use]
    pub fn login(&self, user: &str) -> Self {
        Self { options: self.options.clone().username(user), logs_in_as_role: false, ..self.clone() }
    }

    /// The same server, whose clock (`app.now()`) runs off by this interval, such as `25 hours`. For tests.
    #[must_use]
    pub fn clock_offset(&self, interval: &str) -> Self {
        let options = self.options.clone().options([("app.clock_offset", interval)]);
        Self { options, offset: Some(interval.to_owned()), ..self.clone() }
    }

    /// The same server, whose clock runs off by this interval more than this one's. For tests.
    #[must_use]
    pub fn later_by(&self, interval: &str) -> Self {
        // The last setting of a name wins.
        match &self.offset {
            Some(offset) => self.clock_offset(&format!("{offset} {interval}")),
            None => self.clock_offset(interval),
        }
    }

    /// The name of the database.
    #[must_use]
    pub fn database_name(&self) -> &str {
        self.options.get_database().unwrap_or("postgres")
    }

    /// The same server, where each role logs in as itself.
    #[must_use]
    pub fn logging_in_as_role(self) -> Self {
        Self { logs_in_as_role: true, ..self }
    }

    pub(crate) fn options_for(&self, role: Role) -> PgConnectOptions {
        let options = self.options.clone();
        if self.logs_in_as_role { options.username(role.name()) } else { options }
    }

    /// One connection, as the login itself, without a role.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub async fn connect(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect_with(&self.options).await?)
    }

    /// One connection in a role.
    ///
    /// # Errors
    /// The server does not answer, or the login may not take the role.
    pub async fn connect_as(&self, role: Role) -> Result<PgConnection> {
        let mut connection = PgConnection::connect_with(&self.options_for(role)).await?;
        prepare(&mut connection, role).await?;
        Ok(connection)
    }

    fn pool(&self, role: Role, most: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(Duration::from_secs(10))
            .idle_timeout(Duration::from_secs(300))
            .after_connect(move |connection, _| Box::pin(async move { prepare(connection, role).await }))
            .connect_lazy_with(self.options_for(role))
    }
}

async fn prepare(connection: &mut PgConnection, role: Role) -> Result<(), sqlx::Error> {
    connection.execute(role.set_role()).await?;
    connection.execute(role.statement_timeout()).await?;
    // Generic plans guess wrongly where a filter is optional and where a temporary table stands in.
    // Compiling a statement takes longer than a page of it (1.3 s of 3 s, measured on a million rows). Disks do not turn.
    connection.execute("set jit = off; set random_page_cost = 1.1").await?;
    connection
        .execute("set plan_cache_mode = force_custom_plan; set timezone = 'UTC'; set lock_timeout = '10s'")
        .await?;
    Ok(())
}

/// The ledger: the pools of the roles that run.
#[derive(Clone, Debug)]
pub struct Ledger {
    server: Server,
    pub(crate) web: PgPool,
    pub(crate) worker: PgPool,
    pub(crate) dispatcher: PgPool,
}

impl Ledger {
    /// Pools to this server; nothing is connected before it is used.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self {
            web: server.pool(Role::Web, 12),
            worker: server.pool(Role::Worker, 6),
            dispatcher: server.pool(Role::Dispatcher, 4),
            server,
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// Does the database answer, and is it ours?
    ///
    /// # Errors
    /// It does not answer, or has no schema of ours.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query_scalar!("select app.now() as \"now!\"").fetch_one(&self.web).await?;
        Ok(())
    }

    pub(crate) async fn web(&self, tenant: TenantId) -> Result<TenantTransaction> {
        in_tenant(&self.web, tenant).await
    }

    pub(crate) async fn worker(&self, tenant: TenantId) -> Result<TenantTransaction> {
        in_tenant(&self.worker, tenant).await
    }

    /// Ends every connection; at most five seconds.
    pub async fn close(&self) {
        let all = async { tokio::join!(self.web.close(), self.worker.close(), self.dispatcher.close()) };
        drop(tokio::time::timeout(Duration::from_secs(5), all).await);
    }
}

async fn in_tenant(pool: &PgPool, tenant: TenantId) -> Result<TenantTransaction> {
    let mut transaction = pool.begin().await?;
    set_tenant(&mut transaction, tenant).await?;
    Ok(transaction)
}

/// From here to the end of the transaction, row level security shows this tenant. Never for the session.
pub(crate) async fn set_tenant(connection: &mut PgConnection, tenant: TenantId) -> Result<()> {
    sqlx::query!("select set_config('app.tenant', $1, true)", tenant.0.to_string()).fetch_one(connection).await?;
    Ok(())
}
