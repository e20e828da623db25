//! Roles, then migrations, then this month's partitions. Each idempotent; several programs may start at once.

use crate::{DatabaseError, Result, Role, Server};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// The migrations, embedded. `sql/` is canonical; a test proves that the two make the same database.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

const ROLES: &str = include_str!("../sql/roles.sql");

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The server does not answer, or refuses.
    #[error("the database could not be prepared")]
    Database(#[from] DatabaseError),
    /// A migration failed, or one that was applied has since been changed.
    #[error("a migration failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

/// Makes the roles (cluster-wide) and lets the owner make a schema in this database.
///
/// `admin` logs in as a superuser, or as a role that may create roles and grant on this database.
///
/// # Errors
/// The server does not answer, or the login has not the right.
pub async fn roles(admin: &Server) -> Result<()> {
    let mut connection = admin.connect().await?;
    connection.execute(ROLES).await?;
    let name = admin.database_name().replace('"', "\"\"");
    // Identifiers cannot be bound; the quotes in the name are doubled above.
    let grant =
        AssertSqlSafe(format!("grant create, temporary, connect on database \"{name}\" to ascribe_owner, ascribe_web"));
    connection.execute(grant).await?;
    let revoke = AssertSqlSafe(format!(
        "revoke create on database \"{name}\" from ascribe_web; alter database \"{name}\" set timezone = 'UTC'"
    ));
    connection.execute(revoke).await?;
    connection.close().await?;
    Ok(())
}

/// Lets each role log in as itself, for a server that knows its users by the system's own word (the embedded one, `peer`).
///
/// # Errors
/// The server does not answer.
pub async fn let_roles_log_in(admin: &Server) -> Result<()> {
    let mut connection = admin.connect().await?;
    let roles: Vec<&str> = Role::ALL.into_iter().map(Role::name).collect();
    connection
        .execute(AssertSqlSafe(roles.iter().map(|role| format!("alter role {role} login;")).collect::<String>()))
        .await?;
    Ok(connection.close().await?)
}

/// Brings the schema up to date and makes the partitions of this month and the next three.
///
/// # Errors
/// See [`MigrateError`].
pub async fn schema(server: &Server) -> Result<(), MigrateError> {
    let mut connection = server.connect_as(Role::Owner).await?;
    // sqlx keeps its list of applied migrations in the first schema of the search path.
    let prepare = "create schema if not exists ascribe_migrations; set search_path = ascribe_migrations";
    connection.execute(prepare).await.map_err(DatabaseError::from)?;
    MIGRATIONS.run_direct(None, &mut connection, false).await?;
    sqlx::query!("select app.ensure_month_partitions((app.now() at time zone 'UTC')::date, 3)")
        .fetch_one(&mut connection)
        .await
        .map_err(DatabaseError::from)?;
    connection.close().await.map_err(DatabaseError::from)?;
    Ok(())
}

/// The versions of the migrations that this program knows.
pub(crate) fn versions() -> impl Iterator<Item = i64> {
    MIGRATIONS.iter().map(|migration| migration.version)
}

/// Makes months ahead; the worker calls it at start and every hour.
///
/// # Errors
/// The database does not answer.
pub async fn months_ahead(ledger: &crate::Ledger) -> Result<i32> {
    Ok(sqlx::query_scalar!("select app.ensure_month_partitions((app.now() at time zone 'UTC')::date, 3) as \"made!\"")
        .fetch_one(&ledger.worker)
        .await?)
}

/// Makes a database of this name if there is none.
///
/// # Errors
/// The server does not answer, or the login may not.
pub async fn create_database(admin: &Server, name: &str) -> Result<()> {
    let mut connection = admin.connect().await?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        // Identifiers cannot be bound; quotes in the name are doubled.
        connection.execute(AssertSqlSafe(format!("create database \"{}\"", name.replace('"', "\"\"")))).await?;
    }
    Ok(connection.close().await?)
}
