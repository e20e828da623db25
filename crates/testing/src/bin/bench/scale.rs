//! A change of a hundred thousand and one of a million rows, through the program as it is shipped: time, WAL and memory of
//! the service per row, and how long ten devices wait behind a million.

use crate::stopwatch;
use anyhow::{Context as _, Result, ensure};
use database::Server;
use database::embedded::{Embedded, Settings};
use database::fleet::{Fleet, NewDevice};
use domain::clock::Clock;
use domain::ids::{DeviceId, Ids};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testing::{Fixture, iccid};

/// Places of the fleet that no other device of the fixture has.
const FIRST_PLACE: u32 = 2_000_000;
/// Devices of the change that waits behind the largest one.
const FEW: u32 = 10;

/// What one size took.
pub(crate) struct Scale {
    pub(crate) rows: u32,
    pub(crate) plan_seconds: f64,
    pub(crate) settle_seconds: f64,
    pub(crate) plan_wal: f64,
    pub(crate) settle_wal: f64,
    pub(crate) plan_peak_mib: f64,
    pub(crate) settle_peak_mib: f64,
    /// From the apply of ten devices to the settle of their chunk, in the middle of this change.
    pub(crate) few_wait_seconds: f64,
}

/// The service as a process, ended with this.
struct Service {
    child: Child,
    url: String,
    http: Client,
    key: String,
    server: Server,
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs each size after the other, on a fleet that holds them all.
pub(crate) async fn measure(sizes: &[u32]) -> Result<Vec<Scale>> {
    let folder = tempfile::Builder::new().prefix("ascribe-scale.").tempdir()?;
    // The server's user has to get through.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    let service = start(folder.path(), sizes).await?;
    let (mut place, mut measured) = (FIRST_PLACE, Vec::new());
    for rows in sizes {
        eprintln!("{rows} rows …");
        measured.push(one(&service, folder.path(), place, *rows).await?);
        place += rows + FEW;
    }
    ensure!(database::proof::broken_invariants(&service.server).await?.is_empty(), "an invariant does not hold");
    Ok(measured)
}

async fn start(folder: &Path, sizes: &[u32]) -> Result<Service> {
    let data = folder.join("data");
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let program = std::env::current_exe()?.with_file_name("ascribe");
    let child = Command::new(&program)
        .args(["serve", "--work"])
        .env("ASCRIBE_DATA", &data)
        .env("ASCRIBE_LISTEN", format!("127.0.0.1:{port}"))
        .env("ASCRIBE_PLAN_WAIT_SECONDS", "0.1")
        .env("ASCRIBE_LOG", "error")
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{} does not start; the bench wants it built beside itself", program.display()))?;
    let url = format!("http://127.0.0.1:{port}");
    let http = Client::builder().build()?;
    let mut tries = 0;
    while !http.get(format!("{url}/readyz")).send().await.is_ok_and(|answer| answer.status().is_success()) {
        tries += 1;
        ensure!(tries < 600, "the service did not become ready");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let binaries = std::env::var_os("ASCRIBE_PG_BIN").map(PathBuf::from);
    let server = Embedded::start(&Settings { data, binaries, fsync: true })?.server();
    #[expect(clippy::disallowed_methods, reason = "the bench runs on the machine's clock")]
    let ids = Ids::new(Clock::from_fn(jiff::Timestamp::now), [5; 32]);
    let fixture = Fixture::make(&server, &ids, 0).await?;
    let mut fleet = Fleet::open(&server).await?;
    let wanted: u32 = sizes.iter().map(|rows| rows + FEW).sum();
    eprintln!("a fleet of {wanted} devices …");
    let places: Vec<u32> = (FIRST_PLACE..FIRST_PLACE + wanted).collect();
    for some in places.chunks(20_000) {
        let devices: Vec<NewDevice> = some
            .iter()
            .map(|place| NewDevice {
                id: DeviceId(ids.next()),
                iccid: iccid(*place),
                msisdn: None,
                status: "active".into(),
                archived: false,
                site: fixture.unassigned,
            })
            .collect();
        fleet.create_devices(fixture.tenant, fixture.provider, &devices).await?;
    }
    fleet.analyze().await?;
    Ok(Service { child, url, http, key: fixture.key.reveal().to_owned(), server })
}

impl Service {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.key)
    }

    async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.request(Method::GET, path).send().await?.json().await?)
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.request(Method::POST, path).json(body).send().await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
        Ok(answer.json().await?)
    }

    async fn wal(&self) -> Result<f64> {
        let bytes = "select (pg_current_wal_insert_lsn() - '0/0')::bigint";
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53 bytes")]
        Ok(testing::number(&self.server, bytes).await? as f64)
    }

    /// The most memory the service has had resident since it was asked the last time, in MiB.
    fn peak_mib(&self) -> Result<f64> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(process.join("status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: f64 = peak.trim().trim_end_matches("kB").trim().parse()?;
        // From here on it counts anew (Linux: 5 resets the peak).
        std::fs::OpenOptions::new().write(true).open(process.join("clear_refs"))?.write_all(b"5")?;
        Ok(kib / 1024.0)
    }
}

async fn one(service: &Service, folder: &Path, first: u32, rows: u32) -> Result<Scale> {
    let path = folder.join("devices.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    writeln!(file, "ICCID")?;
    // In an order that has nothing to do with where the rows are, as a customer's list has.
    let mut places: Vec<u32> = (first..first + rows).collect();
    places.sort_by_key(|place| place.wrapping_mul(2_654_435_761));
    places.iter().try_for_each(|place| writeln!(file, "{}", iccid(*place)))?;
    file.flush()?;
    drop(file);

    service.peak_mib()?;
    let (before, elapsed) = (service.wal().await?, stopwatch());
    let request = json!({"change_type": "CustomerAssignment", "service_provider": "Verizon", "customer": "Water"});
    let upload = Part::stream(Body::from(tokio::fs::File::open(&path).await?)).file_name("devices.csv");
    let form = Form::new().part("request", Part::text(request.to_string())).part("devices", upload);
    let sent = service.request(Method::POST, "/plans").multipart(form).send().await?;
    let mut plan: Value = sent.json().await?;
    let id = plan["id"].as_str().with_context(|| plan.to_string())?.to_owned();
    while plan["status"] == "PLANNING" {
        tokio::time::sleep(Duration::from_millis(50)).await;
        plan = service.get(&format!("/plans/{id}")).await?;
    }
    ensure!(plan["counts"]["change"] == rows, "{plan}");
    let (plan_seconds, planned) = (elapsed().as_secs_f64(), service.wal().await?);
    let plan_peak_mib = service.peak_mib()?;

    let elapsed = stopwatch();
    service.post("/bulk-changes", &json!({ "plan_id": id })).await?;
    let few_wait_seconds = few(service, &id, first + rows).await?;
    let mut change = Value::Null;
    while change["finished"] != true {
        tokio::time::sleep(Duration::from_millis(50)).await;
        change = service.get(&format!("/bulk-changes/{id}")).await?;
    }
    ensure!(change["counts"]["ok"] == rows, "{change}");
    let settle_seconds = elapsed().as_secs_f64();
    let (after, settle_peak_mib) = (service.wal().await?, service.peak_mib()?);
    let per_row = |bytes: f64| bytes / f64::from(rows);
    Ok(Scale {
        rows,
        plan_seconds,
        settle_seconds,
        plan_wal: per_row(planned - before),
        settle_wal: per_row(after - planned),
        plan_peak_mib,
        settle_peak_mib,
        few_wait_seconds,
    })
}

/// Applies a change of ten devices while the large one runs. Answers how long they waited, planned before that.
async fn few(service: &Service, large: &str, first: u32) -> Result<f64> {
    let devices: Vec<String> = (first..first + FEW).map(iccid).collect();
    let request = json!({"change_type": "CustomerAssignment", "service_provider": "Verizon", "customer": "Cold", "devices": devices});
    let mut plan = service.post("/plans", &request).await?;
    let id = plan["id"].as_str().with_context(|| plan.to_string())?.to_owned();
    while plan["status"] == "PLANNING" {
        tokio::time::sleep(Duration::from_millis(20)).await;
        plan = service.get(&format!("/plans/{id}")).await?;
    }
    let elapsed = stopwatch();
    service.post("/bulk-changes", &json!({ "plan_id": id })).await?;
    loop {
        let change = service.get(&format!("/bulk-changes/{id}")).await?;
        if change["finished"] == true {
            let waited = elapsed().as_secs_f64();
            let large = service.get(&format!("/bulk-changes/{large}")).await?;
            ensure!(large["finished"] == false, "the large change was over before the few had begun");
            return Ok(waited);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
