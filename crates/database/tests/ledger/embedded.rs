//! The embedded server and its traps.

use database::Server;
use database::embedded::{Binaries, Embedded, EmbeddedError, Settings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::Connection as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A folder that the server's user can reach.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("ascribe-embedded.").tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn settings(data: &Path) -> Settings {
    Settings { data: data.to_owned(), binaries: None, fsync: true }
}

#[expect(clippy::disallowed_methods, reason = "how long the server takes is the machine's time")]
fn now() -> Instant {
    Instant::now()
}

async fn ask(server: &Server, sql: &'static str) -> String {
    let mut connection = server.connect().await.unwrap();
    let answer = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    answer
}

/// The process ids of postmasters whose data directory is below this folder.
fn postmasters_below(folder: &Path) -> Vec<i32> {
    let below = |entry: &std::fs::DirEntry| -> Option<(i32, i32)> {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let cwd = std::fs::read_link(entry.path().join("cwd")).ok()?;
        // The parent comes after the state, which comes after the name in brackets.
        let about = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent: i32 = about.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        let command = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        (cwd.starts_with(folder) && command.contains("\0-D\0")).then_some((pid, parent))
    };
    let found: Vec<(i32, i32)> =
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| below(&entry)).collect();
    // A child that was forked a moment ago is still called like its postmaster.
    let is_child = |parent: i32| found.iter().any(|(pid, _)| *pid == parent);
    found.iter().filter(|(_, parent)| !is_child(*parent)).map(|(pid, _)| *pid).collect()
}

async fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_true() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("not within 30 s: {what}");
}

#[tokio::test]
async fn it_is_private_durable_and_stops_within_five_seconds() {
    let folder = folder();
    let mut embedded = Embedded::start(&settings(&folder.path().join("data"))).unwrap();
    assert!(embedded.is_owner());
    let admin = embedded.admin();
    assert_eq!(ask(&admin, "show fsync").await, "on");
    assert_eq!(ask(&admin, "show synchronous_commit").await, "on");
    assert_eq!(ask(&admin, "show listen_addresses").await, "");
    assert_eq!(ask(&admin, "select string_agg(distinct auth_method, ',') from pg_hba_file_rules").await, "peer");
    assert_eq!(
        ask(&admin, "select count(*)::text from pg_hba_file_rules where error is not null or address is not null")
            .await,
        "0"
    );
    // One line per login, and each is the user of this process, never a pattern.
    let mapped = "select string_agg(pg_username, ' ' order by pg_username) from pg_ident_file_mappings where map_name = 'ascribe' and error is null";
    let roles = "ascribe_admin ascribe_auditor ascribe_dispatcher ascribe_owner ascribe_web ascribe_worker";
    assert_eq!(ask(&admin, mapped).await, roles);
    let users = "select count(distinct sys_name)::text from pg_ident_file_mappings where sys_name !~ '^/'";
    assert_eq!(ask(&admin, users).await, "1");
    let socket = PathBuf::from(ask(&admin, "show unix_socket_directories").await);
    assert_eq!(std::fs::metadata(&socket).unwrap().mode() & 0o777, 0o700);
    assert!(
        Server::from_url("postgres://127.0.0.1:5432/ascribe").unwrap().login("ascribe_admin").connect().await.is_err()
    );
    assert!(admin.login("postgres").connect().await.is_err(), "only the mapped logins");
    let pid = embedded.postmaster().unwrap();
    if nix::unistd::Uid::effective().is_root() {
        assert_ne!(std::fs::metadata(format!("/proc/{pid}")).unwrap().uid(), 0, "it does not run as root");
    }
    // A client that is still connected does not hold it up.
    let mut busy = admin.connect().await.unwrap();
    let sleeping = tokio::spawn(async move { sqlx::query("select pg_sleep(60)").execute(&mut busy).await.is_err() });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let began = now();
    tokio::task::spawn_blocking(move || embedded.stop()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(sleeping.await.unwrap());
    assert_eq!(postmasters_below(folder.path()), Vec::<i32>::new());
}

#[tokio::test]
async fn a_killed_postmaster_is_started_again() {
    let folder = folder();
    let embedded = Embedded::start(&settings(&folder.path().join("data"))).unwrap();
    let admin = embedded.admin();
    let mut holding = admin.connect().await.unwrap();
    sqlx::query("create table kept as select 1 as one").execute(&mut holding).await.unwrap();
    for _ in 0..2 {
        let first = embedded.postmaster().unwrap();
        kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
        until("another postmaster", || embedded.postmaster().is_some_and(|pid| pid != first)).await;
        assert_eq!(ask(&admin, "select one::text from kept").await, "1");
    }
    drop(holding);
}

#[tokio::test]
async fn an_orphan_is_stopped_and_never_talked_to() {
    let folder = folder();
    let data = folder.path().join("data");
    let mut first = Embedded::start(&settings(&data)).unwrap();
    first.stop();
    // What a kill -9 of a service without a parent-death signal leaves: a server on these files that nobody owns.
    let cluster = data.join("postgresql/cluster");
    let program = Binaries::find(None).unwrap().program("postgres");
    let mut command = if nix::unistd::Uid::effective().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    let mut orphan = command
        .arg("-D")
        .arg(&cluster)
        .arg("-k")
        .arg(data.join("postgresql/socket"))
        .args(["-c", "listen_addresses="])
        .current_dir("/")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let orphan_pid = i32::try_from(orphan.id()).unwrap();
    until("the orphan's pid file", || {
        std::fs::read_to_string(cluster.join("postmaster.pid")).is_ok_and(|text| text.contains("ready"))
    })
    .await;
    let reaper = std::thread::spawn(move || orphan.wait());
    let mut second = Embedded::start(&settings(&data)).unwrap();
    reaper.join().unwrap().unwrap();
    let pid = second.postmaster().unwrap();
    assert_ne!(pid, orphan_pid);
    assert_eq!(postmasters_below(folder.path()), [pid]);
    second.stop();
}

#[tokio::test]
async fn a_stale_pid_file_that_names_somebody_elses_process_is_harmless() {
    let folder = folder();
    let data = folder.path().join("data");
    let mut first = Embedded::start(&settings(&data)).unwrap();
    first.stop();
    let mut bystander = Command::new("sleep").arg("60").spawn().unwrap();
    let cluster = data.join("postgresql/cluster");
    std::fs::write(
        cluster.join("postmaster.pid"),
        format!("{}\n{}\n1\n5432\n/tmp\n\n1 1\nready   \n", bystander.id(), cluster.display()),
    )
    .unwrap();
    // PostgreSQL itself refuses to start over a pid file of a live process, and so do we over one that is not its own.
    let started = Embedded::start(&settings(&data));
    assert!(matches!(bystander.try_wait(), Ok(None)), "nobody else's process is ever signalled");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    if nix::unistd::Uid::effective().is_root() {
        // The server's user may not even ask whether root's process lives, so PostgreSQL takes the file for stale.
        assert!(started.unwrap().postmaster().is_some());
    }
}

#[tokio::test]
async fn guests_join_and_never_stop_it() {
    let folder = folder();
    let data = folder.path().join("data");
    let mut owner = Embedded::start(&settings(&data)).unwrap();
    let mut guest = Embedded::start(&settings(&data)).unwrap();
    assert!(owner.is_owner() && !guest.is_owner());
    assert_eq!(ask(&guest.admin(), "select 'hello'").await, "hello");
    guest.stop();
    drop(guest);
    assert_eq!(ask(&owner.admin(), "select 'still here'").await, "still here");
    owner.stop();
}

#[tokio::test]
async fn a_long_data_path_still_has_a_short_socket() {
    let folder = folder();
    let data = folder.path().join("a".repeat(60)).join("b".repeat(60));
    let mut embedded = Embedded::start(&settings(&data)).unwrap();
    let socket = ask(&embedded.admin(), "show unix_socket_directories").await;
    assert!(socket.len() < 90, "{socket}");
    embedded.stop();
    std::fs::remove_dir_all(socket).unwrap();
}

#[tokio::test]
async fn a_folder_that_only_root_can_enter_sends_the_files_elsewhere_and_says_so() {
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let data = folder.path().join("data");
    let mut embedded = Embedded::start(&settings(&data)).unwrap();
    embedded.stop();
    let note = std::fs::read_to_string(data.join("postgresql-is-elsewhere.txt")).unwrap();
    let elsewhere = PathBuf::from(note.lines().last().unwrap());
    assert!(elsewhere.starts_with("/var/lib/ascribe") && elsewhere.join("cluster/PG_VERSION").exists());
    std::fs::remove_dir_all(elsewhere).unwrap();
}

#[tokio::test]
async fn what_cannot_run_says_what_to_do() {
    let folder = folder();
    let nowhere = Settings { binaries: Some(PathBuf::from("/nonexistent")), ..settings(&folder.path().join("data")) };
    let error = Embedded::start(&nowhere).unwrap_err();
    assert!(matches!(error, EmbeddedError::NoBinaries { .. }) && error.to_string().contains("ASCRIBE_PG_BIN"));
    let data = folder.path().join("old");
    drop(Embedded::start(&settings(&data)).unwrap());
    std::fs::write(data.join("postgresql/cluster/PG_VERSION"), "14\n").unwrap();
    let error = Embedded::start(&settings(&data)).unwrap_err();
    assert!(matches!(error, EmbeddedError::OtherVersion { made: 14, .. }), "{error}");
}
