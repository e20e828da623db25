//! The roles that touch the database: each opens the ledger the same way and stops the same way.

mod callbacks;
pub(crate) mod doctor;
pub(crate) mod fleets;
pub(crate) mod init;
pub(crate) mod notify;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod sync;
pub(crate) mod work;

use crate::settings::Settings;
use anyhow::Context as _;
use database::embedded::{self, DATABASE, Embedded};
use database::{Ledger, Server, migrate as schema};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// The ledger, and the embedded server if there is one.
pub(crate) struct Opened {
    /// Held for its drop: the owner stops the server when it goes.
    embedded: Option<Embedded>,
    /// The ledger.
    pub(crate) ledger: Ledger,
}

impl Opened {
    /// Closes the pools, then stops the server if it is ours.
    pub(crate) async fn close(self) {
        self.ledger.close().await;
        if let Some(mut embedded) = self.embedded {
            drop(tokio::task::spawn_blocking(move || embedded.stop()).await);
        }
    }
}

/// Opens the ledger: `DATABASE_URL`, or else the embedded server, started if nobody runs it yet.
///
/// The owner of an embedded server brings its schema up to date; another database is only changed by `ascribe migrate`.
pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Opened> {
    if let Some(url) = &settings.database_url {
        let ledger = Ledger::new(Server::from_url(url).context("DATABASE_URL is not a postgres:// URL")?);
        ledger
            .ping()
            .await
            .context("the database does not answer, or has no schema yet; `ascribe migrate` makes it")?;
        return Ok(Opened { embedded: None, ledger });
    }
    let embedded = start_embedded(&settings.data, settings.pg_bin.as_deref()).await?;
    if embedded.is_owner() {
        prepare_embedded(&embedded).await?;
    }
    let ledger = Ledger::new(embedded.server());
    wait_for_schema(&ledger).await?;
    Ok(Opened { embedded: Some(embedded), ledger })
}

/// A guest may come while the owner is still making the schema.
async fn wait_for_schema(ledger: &Ledger) -> anyhow::Result<()> {
    let mut tries = 0;
    while let Err(error) = ledger.ping().await {
        tries += 1;
        anyhow::ensure!(tries < 120, anyhow::Error::from(error).context("the embedded database has no schema"));
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    Ok(())
}

async fn start_embedded(data: &Path, binaries: Option<&Path>) -> anyhow::Result<Embedded> {
    let settings = embedded::Settings { data: data.to_owned(), binaries: binaries.map(Path::to_owned), fsync: true };
    tokio::task::spawn_blocking(move || Embedded::start(&settings))
        .await?
        .context("the embedded PostgreSQL did not start")
}

async fn prepare_embedded(embedded: &Embedded) -> anyhow::Result<()> {
    let admin = embedded.admin();
    schema::create_database(&admin, DATABASE).await.context("the database could not be made")?;
    schema::roles(&admin.database(DATABASE)).await.context("the database's roles could not be made")?;
    schema::let_roles_log_in(&admin).await.context("the database's roles could not be let in")?;
    schema::schema(&embedded.server()).await.context("the schema could not be brought up to date")
}

/// `ascribe migrate`
pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    if let Some(url) = &settings.database_url {
        let server = Server::from_url(url).context("DATABASE_URL is not a postgres:// URL")?;
        schema::roles(&server)
            .await
            .context("the roles could not be made; the login needs CREATEROLE and to own the database")?;
        schema::schema(&server).await.context("the schema could not be brought up to date")?;
    } else {
        open(settings).await?.close().await;
    }
    println!("The schema is up to date.");
    Ok(())
}

/// Cancelled by SIGTERM or SIGINT.
pub(crate) fn until_told_to_stop() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        told.cancel();
    });
    Ok(stop)
}
