//! Job queues that a team could have taken instead, each running the hand-written SQL: installed into a folder of the bench's
//! own, started before the time runs, told to go, and let go when they say that all is done.

use crate::handwritten::{AT_THE_END, OF_DEVICE, of_chunk};
use crate::prepared::{Prepared, RUN};
use crate::stopwatch;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// No peer takes longer than this for what it is given.
const AT_MOST: Duration = Duration::from_secs(600);

const FILES: [(&str, &str); 7] = [
    ("package.json", include_str!("peers/package.json")),
    ("package-lock.json", include_str!("peers/package-lock.json")),
    ("requirements.txt", include_str!("peers/requirements.txt")),
    ("order.mjs", include_str!("peers/order.mjs")),
    ("graphile_worker.mjs", include_str!("peers/graphile_worker.mjs")),
    ("pg_boss.mjs", include_str!("peers/pg_boss.mjs")),
    ("celery_peer.py", include_str!("peers/celery_peer.py")),
];

/// Whom we compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    GraphileWorker,
    PgBoss,
    Celery,
}

impl Peer {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::GraphileWorker => "graphile-worker",
            Self::PgBoss => "pg-boss",
            Self::Celery => "Celery",
        }
    }

    const fn script(self) -> &'static str {
        match self {
            Self::GraphileWorker => "graphile_worker.mjs",
            Self::PgBoss => "pg_boss.mjs",
            Self::Celery => "celery_peer.py",
        }
    }
}

/// What is installed, and what could not be.
pub(crate) struct Peers {
    folder: PathBuf,
    without_node: Option<String>,
    without_celery: Option<String>,
}

impl Peers {
    /// Installs them, unless they are there already.
    pub(crate) fn install(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        for (name, text) in FILES {
            std::fs::write(folder.join(name), text)?;
        }
        let without_node = once(&folder, "package-lock.json", npm).err().map(|why| format!("{why:#}"));
        let without_celery =
            redis().and_then(|()| once(&folder, "requirements.txt", celery)).err().map(|why| format!("{why:#}"));
        Ok(Self { folder, without_node, without_celery })
    }

    /// Why there is no such peer here; None: there is.
    pub(crate) fn missing(&self, peer: Peer) -> Option<&str> {
        match peer {
            Peer::GraphileWorker | Peer::PgBoss => self.without_node.as_deref(),
            Peer::Celery => self.without_celery.as_deref(),
        }
    }

    /// Starts one on the run's copy; returns when it is ready to be told to go.
    pub(crate) async fn start(&self, peer: Peer, prepared: &Prepared, per_job: u32) -> Result<Running> {
        let program = match peer {
            Peer::Celery => python(&self.folder),
            _ => PathBuf::from("node"),
        };
        let mut child = Command::new(program)
            .arg(peer.script())
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| peer.name())?;
        let stdin = child.stdin.take().context("no stdin")?;
        let lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let mut running = Running { peer, jobs: prepared.devices.div_ceil(per_job), child, stdin, lines };
        running.say(&order(prepared, per_job).await?.to_string()).await?;
        let word = running.hear().await?;
        ensure!(word == "ready", "{}: {word}", peer.name());
        Ok(running)
    }
}

/// A peer that is ready.
pub(crate) struct Running {
    peer: Peer,
    jobs: u32,
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    async fn say(&mut self, line: &str) -> Result<()> {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(self.stdin.flush().await?)
    }

    async fn hear(&mut self) -> Result<String> {
        let line = tokio::time::timeout(AT_MOST, self.lines.next_line()).await.with_context(|| self.peer.name())??;
        line.with_context(|| format!("{} ended before it was done", self.peer.name()))
    }

    /// From the first job that is put into the queue to the last one that is done.
    pub(crate) async fn work(&mut self) -> Result<Duration> {
        let elapsed = stopwatch();
        self.say("go").await?;
        let said = self.hear().await?;
        let took = elapsed();
        let said: Value = serde_json::from_str(&said).with_context(|| format!("{}: {said}", self.peer.name()))?;
        ensure!(said["jobs"] == self.jobs, "{}: {said}, not {} jobs", self.peer.name(), self.jobs);
        Ok(took)
    }

    /// It ends when its stdin does.
    pub(crate) async fn let_go(mut self) -> Result<()> {
        drop(self.stdin);
        if tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }
}

async fn order(prepared: &Prepared, per_job: u32) -> Result<Value> {
    let mut admin = prepared.run_admin().connect().await?;
    let sql = "select current_setting('unix_socket_directories'), current_setting('port')::integer, current_user::text";
    let (host, port, user): (String, i32, String) = sqlx::query_as(sql).fetch_one(&mut admin).await?;
    admin.close().await?;
    let (tenant, change) = prepared.keys();
    let by_device = per_job == 1;
    let statements = if by_device { OF_DEVICE.to_vec() } else { of_chunk() };
    let at_the_end = if by_device { AT_THE_END.to_vec() } else { Vec::new() };
    Ok(json!({
        "host": host, "port": port, "user": user, "database": RUN, "tenant": tenant, "change": change, "devices": prepared.devices,
        "devices_per_job": per_job, "workers": 2, "statements": statements, "at_the_end": at_the_end,
    }))
}

fn python(folder: &Path) -> PathBuf {
    folder.join("python/bin/python")
}

/// Installs what this file pins, and remembers that it did.
fn once(folder: &Path, pins: &str, install: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let (wanted, note) = (std::fs::read(folder.join(pins))?, folder.join(format!("{pins}.installed")));
    if std::fs::read(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install(folder)?;
    Ok(std::fs::write(note, wanted)?)
}

fn npm(folder: &Path) -> Result<()> {
    eprintln!("npm installs graphile-worker and pg-boss into {} …", folder.display());
    let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--engine-strict", "--prefix"];
    succeed(std::process::Command::new("npm").args(arguments).arg(folder), "npm")
}

/// Celery's broker is the system's.
fn redis() -> Result<()> {
    succeed(
        std::process::Command::new("redis-server").arg("--version"),
        "redis-server (Debian: apt-get install redis-server)",
    )
}

fn celery(folder: &Path) -> Result<()> {
    eprintln!("pip installs Celery into {} …", folder.display());
    succeed(std::process::Command::new("python3").args(["-m", "venv"]).arg(folder.join("python")), "python3 -m venv")?;
    let arguments = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"];
    succeed(std::process::Command::new(python(folder)).args(arguments).arg(folder.join("requirements.txt")), "pip")
}

fn succeed(command: &mut std::process::Command, name: &str) -> Result<()> {
    let out = command.stdin(Stdio::null()).output().with_context(|| format!("no {name}"))?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "{name} failed: {}", said.lines().last().unwrap_or_default());
    Ok(())
}
