//! `ascribe demo`: the main job on an example fleet, end to end: planned, applied, settled, and proven row by row.

mod billing;
mod carrier;
mod example;
mod fleet;
mod lines;
mod people;
mod proof;
mod run;

use crate::client::Api;
use crate::roles::{self, serve, simulate, work};
use crate::settings::{self, Settings};
use anyhow::Context as _;
use domain::api_key::ApiKey;
use domain::ids::{ApiKeyId, Ids, TenantId};
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What `ascribe demo` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many devices the example fleet has, when it is made
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(4_000..=2_000_000))]
    devices: u32,
    /// Leave when the runs are over: 0 if plan, ledger and tables agree row by row
    #[arg(long)]
    exit: bool,
}

/// Where things are, for the runs and for who reads `demo.json`.
struct Demo {
    url: String,
    simulator: String,
    tenant: TenantId,
    keys: Vec<(String, String)>,
    login: people::Login,
    files: Vec<PathBuf>,
    plan: example::Plan,
}

/// Runs the demo.
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = roles::until_told_to_stop()?;
    println!("Starting PostgreSQL and Ascribe in {} …", settings.data.display());
    if settings.database_url.is_some() {
        roles::migrate(settings).await?;
    }
    let opened = roles::open(settings).await?;
    let ids = settings::ids();
    let (plan, tenant) = fleet::make_or_find(opened.ledger.server(), &ids, arguments.devices)
        .await
        .context("the example fleet could not be made")?;
    let keys = make_keys(opened.ledger.server(), &ids).await?;
    let login = people::make(&opened.ledger, &ids, tenant).await.context("nobody could be made to sign in")?;
    let files = example::write_files(&settings.data.join("examples"), &plan)?;

    // A demo never fails because something else listens on its port.
    let listener = match TcpListener::bind(settings.listen).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind((settings.listen.ip(), 0)).await.context("cannot listen on any port")?,
    };
    let url = format!("http://{}", listener.local_addr()?);
    let simulator =
        simulate::start(1, billing::world(settings::clock().now()), SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    // Only a demo reads an account on this machine without being told that it may.
    // And nobody waits two minutes in a demo for what may still arrive.
    let settings = &Settings {
        rev_io_hosts: "127.0.0.1".into(),
        carrier_hosts: "127.0.0.1".into(),
        call_seconds: 2.0,
        settle_seconds: 3.0,
        sweep_minutes: "0.2,0.4,0.6".into(),
        // Nor minutes for what a carrier does later.
        carrier_look_minutes: "0.03,0.06,0.1,0.2,0.1,0.6".into(),
        carrier_settle_seconds: 5.0,
        ..settings.clone()
    };
    let serving = tokio::spawn({
        let (settings, ledger, ids, stop) = (settings.clone(), opened.ledger.clone(), ids.clone(), stop.clone());
        async move { serve::serve(&settings, ledger, ids, listener, stop).await }
    });
    let working = tokio::spawn({
        let (settings, ledger, ids, stop) = (settings.clone(), opened.ledger.clone(), ids.clone(), stop.clone());
        async move { work::work(&settings, ledger, ids, stop).await }
    });
    let demo = Demo { url, simulator: simulator.url().to_owned(), tenant, keys, login, files, plan };
    wait_for_health(&demo.url).await?;
    write_demo_json(&settings.data, &demo)?;

    let (_, key) = demo.keys.first().context("the demo has a key")?;
    let api = Api::new(&demo.url, key)?;
    let outcome = tokio::select! {
        outcome = runs(&api, &demo, (settings, &opened.ledger, &ids, &stop)) => outcome,
        () = stop.cancelled() => Err(anyhow::anyhow!("stopped before the runs were over")),
    };
    let agrees = match &outcome {
        Ok(agrees) => *agrees,
        Err(error) => {
            eprintln!("ascribe: the demo did not run to its end: {error:#}");
            false
        }
    };
    println!(
        "Where to look: keys and address in {}, the files in {}",
        settings.data.join("demo.json").display(),
        settings.data.join("examples").display()
    );
    if !arguments.exit && outcome.is_ok() {
        print_where_to_look(&demo, &settings.data);
        stop.cancelled().await;
    }
    stop.cancel();
    serving.await??;
    working.await??;
    opened.close().await;
    simulator.stop().await;
    Ok(if agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What runs need of this process besides the API.
type Here<'a> = (&'a Settings, &'a database::Ledger, &'a Ids, &'a CancellationToken);

async fn runs(api: &Api, demo: &Demo, here: Here<'_>) -> anyhow::Result<bool> {
    billing::read(api, &demo.simulator).await?;
    let agrees = run::all(api, demo, here.1.server()).await? & carrier::run(api, demo, here).await?;
    println!(
        "\n{}",
        if agrees {
            "Plan, ledger, tables, carrier and Rev.io agree, row by row."
        } else {
            "NOT as expected; see above."
        }
    );
    Ok(agrees)
}

/// A key for each tenant, new each time: what is stored of the last one is only its hash.
async fn make_keys(server: &database::Server, ids: &Ids) -> anyhow::Result<Vec<(String, String)>> {
    let mut owner = database::fleet::Fleet::open(server).await?;
    let mut keys = Vec::new();
    for name in fleet::TENANTS {
        let tenant = database::fleet::tenant_named(server, name).await?.context("a tenant of the demo is missing")?;
        let key = ApiKey::new(ids);
        owner.create_api_key(tenant, ApiKeyId(ids.next()), "demo", &key).await?;
        keys.push((name.to_owned(), key.reveal().to_owned()));
    }
    Ok(keys)
}

async fn wait_for_health(url: &str) -> anyhow::Result<()> {
    let http = reqwest::Client::new();
    for _ in 0..200 {
        if http.get(format!("{url}/readyz")).send().await.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("the API did not become ready")
}

/// `DATA/demo.json`: addresses and keys, readable by this user alone. What is not built yet is null or empty.
fn write_demo_json(data: &Path, demo: &Demo) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    // Whoever reads it relies on the first tenant being the first; serde_json keeps the order of a list of pairs only
    // as text.
    let keys =
        demo.keys.iter().map(|(name, key)| format!("{}: {}", json!(name), json!(key))).collect::<Vec<_>>().join(", ");
    let files: Vec<String> = demo.files.iter().map(|path| path.display().to_string()).collect();
    let text = format!(
        "{{\n  \"url\": {},\n  \"api_keys\": {{{keys}}},\n  \"login\": {},\n  \"simulators\": {{\"rev-io\": {}, \"thingspace\": {}}},\n  \"example_files\": {}\n}}\n",
        json!(demo.url),
        json!({ "email": demo.login.email, "password": demo.login.password }),
        json!(demo.simulator),
        json!(demo.simulator),
        json!(files)
    );
    let path = data.join("demo.json");
    let fresh = data.join("demo.json.new");
    drop(std::fs::remove_file(&fresh));
    let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(std::fs::rename(fresh, path)?)
}

fn print_where_to_look(demo: &Demo, data: &Path) {
    println!("\nAscribe keeps serving at {}; Ctrl-C stops it.", demo.url);
    println!("Sign in there as {}; the password is in {}.", demo.login.email, data.join("demo.json").display());
    println!("Or look around with");
    println!("  export ASCRIBE_URL={} ASCRIBE_API_KEY=<a key of {}>", demo.url, data.join("demo.json").display());
    println!("  ascribe change list\n  ascribe device list --limit 5\n  ascribe customer list --q water");
    if let Some(file) = demo.files.first() {
        println!(
            "  ascribe plan assign --service-provider {:?} --customer {:?} --devices {}",
            fleet::PROVIDERS[0].name,
            fleet::CUSTOMER_A,
            file.display()
        );
    }
}
