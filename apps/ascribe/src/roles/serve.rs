//! `ascribe serve`: the HTTP API, and with `--work` the work, too.

use crate::roles::{open, sync, until_told_to_stop, work};
use crate::settings::{self, Settings};
use anyhow::Context as _;
use database::Ledger;
use domain::ids::Ids;
use domain::secret_token::SecretToken;
use intake::{Planner, Spool};
use secrecy::ExposeSecret as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use web::{App, Limits, MOST_UPLOAD_BYTES, People, SetUp};

/// What `ascribe serve` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Also carry out what was applied, in this process
    #[arg(long)]
    work: bool,
}

/// `ascribe serve`
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let stop = until_told_to_stop()?;
    let opened = open(settings).await?;
    let ids = settings::ids();
    let listener =
        TcpListener::bind(settings.listen).await.with_context(|| format!("cannot listen on {}", settings.listen))?;
    let working = arguments.work.then(|| {
        let (settings, ledger, ids, stop) = (settings.clone(), opened.ledger.clone(), ids.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = work::work(&settings, ledger, ids, stop).await {
                tracing::error!(error = &*error as &dyn std::error::Error, "nothing is worked on");
            }
        })
    });
    serve(settings, opened.ledger.clone(), ids, listener, stop).await?;
    if let Some(working) = working {
        drop(tokio::time::timeout(Duration::from_secs(20), working).await);
    }
    opened.close().await;
    Ok(())
}

/// Serves on a socket that is bound, until it is cancelled; requests under way get ten seconds.
pub(crate) async fn serve(
    settings: &Settings,
    ledger: Ledger,
    ids: Ids,
    listener: TcpListener,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let spool = Spool::open(settings.data.join("spool"), MOST_UPLOAD_BYTES).await?;
    let planner = Planner::new(ledger.clone(), ids.clone(), settings.planner(), spool.clone());
    let planner = planner.with_carriers(processing::carriers());
    let resuming = tokio::spawn(resume_plans(planner.clone(), stop.clone()));
    let limits = Limits::new(settings.requests_per_second, settings.requests_burst);
    let plan_wait = Duration::from_secs_f64(settings.plan_wait_seconds);
    let own_url = format!("http://{}", listener.local_addr()?);
    let set_up = first_set_up(settings, &ledger, &ids, settings.public_url.as_deref().unwrap_or(&own_url)).await?;
    let people = People::new(settings.people(own_url), set_up, &ids);
    warn_of_plain_cookies(settings);
    let forgetting = tokio::spawn(forget_the_idle(limits.clone(), people.clone()));
    let keys = settings.keys(&ids)?.map(std::sync::Arc::new);
    // Accounts are read beside the API: whoever serves reads, and of several only one reads an account at a time.
    let reading =
        tokio::spawn(sync::whenever_due(settings.clone(), ledger.clone(), keys.clone(), planner.clone(), stop.clone()));
    let (rev_io_hosts, webhook_hosts) = (settings.rev_io_hosts().into(), settings.webhook_hosts().into());
    let carrier_hosts = settings.carrier_hosts().into();
    let app = App {
        ledger,
        planner,
        spool,
        ids,
        plan_wait,
        limits,
        keys,
        rev_io_hosts,
        carrier_hosts,
        webhook_hosts,
        people,
    };
    tracing::info!(address = %listener.local_addr()?, "serving");
    let told = stop.clone();
    // Sign-ins are slowed down by the address they come from.
    let service = web::router(app).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move { told.cancelled().await });
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(10)).await;
    };
    tokio::select! {
        ended = async { serving.await } => ended?,
        () = late => {}
    }
    drop(tokio::time::timeout(Duration::from_secs(5), reading).await);
    resuming.abort();
    forgetting.abort();
    Ok(())
}

/// What is known of keys and people that have not asked for a while is forgotten.
async fn forget_the_idle(limits: Limits, people: People) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        limits.forget_the_idle();
        people.forget_the_idle();
    }
}

/// While nobody can sign in, a token lets whoever can read the data directory make the first person.
async fn first_set_up(settings: &Settings, ledger: &Ledger, ids: &Ids, url: &str) -> anyhow::Result<SetUp> {
    if database::person::sign_in::anybody(ledger).await? {
        return Ok(SetUp::default());
    }
    let file = settings.data.join("set-up.token");
    let token =
        set_up_token(&file, ids).with_context(|| format!("cannot keep the set-up token in {}", file.display()))?;
    tracing::info!(file = %file.display(), page = format!("{url}/set-up"), "nobody can sign in yet: the token in this file makes the first administrator");
    Ok(SetUp::with(token, file))
}

/// The token in this file, or a new one: a second process of the same data directory has the same.
fn set_up_token(file: &Path, ids: &Ids) -> anyhow::Result<SecretToken> {
    if let Ok(text) = settings::read_private(file)
        && let Some(token) = SecretToken::read(text.expose_secret().trim())
    {
        return Ok(token);
    }
    drop(std::fs::remove_file(file));
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let token = SecretToken::new(ids);
    let mut made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(made, "{}", token.reveal())?;
    made.sync_all()?;
    Ok(token)
}

/// Passwords and cookies that go through a network in the clear are somebody else's soon.
fn warn_of_plain_cookies(settings: &Settings) {
    let secure = settings.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    if secure && settings.proxies == 0 {
        tracing::warn!(
            "ASCRIBE_PUBLIC_URL is https, so a proxy is in front, and ASCRIBE_PROXIES is 0: everybody has the proxy's address, and \
             whoever tries passwords slows everybody down"
        );
    }
    if !secure && !settings.listen.ip().is_loopback() {
        tracing::warn!(
            "people sign in without TLS: put a proxy with TLS in front, and set ASCRIBE_PUBLIC_URL to its https address"
        );
    }
}

/// Plans that were interrupted, by the end of a process or of the database, begin again from the spool once nobody makes them.
async fn resume_plans(planner: Planner, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let notes = match planner.notes().await {
            Ok(notes) => notes,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the spool could not be read");
                Vec::new()
            }
        };
        for (note, kept) in notes {
            match planner.begin_again(&note, kept).await {
                Ok(None) => {}
                Ok(Some(planning)) => {
                    tracing::info!(bulk_change.id = %note.plan, "planning begins again");
                    tokio::spawn(async move { drop(planning.run().await) });
                }
                Err(error) => {
                    tracing::warn!(bulk_change.id = %note.plan, error = &error as &dyn std::error::Error, "a plan could not begin again");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(3)) => {}
        }
    }
}
