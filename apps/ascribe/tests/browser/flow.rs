//! Runs a flow: one process of node, which drives one browser. It is given its world on stdin, asks for the worker on stdout, is ended
//! when it takes too long, and leaves no process behind.

use crate::worker::work;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use testing::TestApp;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

/// A flow that takes longer hangs. On two processors with nothing else to do the longest takes less than a minute.
const AT_MOST: Duration = Duration::from_secs(300);
/// What marks the processes of one flow: all that it starts inherit it.
const MARK: &str = "ASCRIBE_BROWSER_FLOW";

/// The browser's program, and the folder of what drives it; None: there is no browser here.
fn tools(root: &Path) -> Option<(PathBuf, PathBuf)> {
    let found = std::process::Command::new(root.join("scripts/browser-tools")).output().unwrap();
    if found.status.code() == Some(3) {
        return None;
    }
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    let said = String::from_utf8(found.stdout).unwrap();
    let (browser, folder) = said.trim().split_once('\n').unwrap();
    Some((browser.into(), folder.into()))
}

/// Runs the flow of this name in this world.
pub(crate) async fn run(app: &TestApp, name: &str, world: Value) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let Some((browser, folder)) = tools(&root) else {
        eprintln!("{name} is left out: there is no browser that can be driven");
        return;
    };
    // The browser's profile, and whatever else it writes.
    let scratch = tempfile::tempdir().unwrap();
    let mark = format!("{name}-{}", app.ids.next());
    let mut child = Command::new("node")
        .args(["run.mjs", &format!("flows/{name}.mjs")])
        .current_dir(root.join("apps/ascribe/tests/browser"))
        .env("ASCRIBE_BROWSER_TOOLS", folder)
        .env("ASCRIBE_CHROMIUM", browser)
        .env("TMPDIR", scratch.path())
        .env("HOME", scratch.path())
        .env(MARK, &mark)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut said = String::new();
    let in_time = tokio::time::timeout(AT_MOST, converse(app, &mut child, &world, &mut said)).await;
    let ended = end(&mut child).await;
    let left = end_what_is_left(&mark).await;
    assert!(in_time.is_ok(), "{name} took longer than {} s: {said}", AT_MOST.as_secs());
    assert!(ended, "{name}: {said}");
    eprintln!("{name}: {said}");
    assert!(left.is_empty(), "{name} left processes behind: {left:?}");
}

/// Gives it its world and what it asks for; keeps what it says besides.
async fn converse(app: &TestApp, child: &mut Child, world: &Value, said: &mut String) {
    let mut stdin = child.stdin.take().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let complaints = tokio::spawn(async move {
        let mut said = String::new();
        while let Ok(Some(line)) = stderr.next_line().await {
            said = said + &line + "\n";
        }
        said
    });
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    stdin.write_all(format!("{world}\n").as_bytes()).await.unwrap();
    while let Some(line) = lines.next_line().await.unwrap() {
        let Some(asked) = line.strip_prefix("ask ") else {
            said.push_str(&line);
            said.push('\n');
            continue;
        };
        let asked: Value = serde_json::from_str(asked).unwrap();
        let chunks = work(app, asked["work"].as_u64().unwrap()).await;
        stdin.write_all(format!("{}\n", json!({ "chunks": chunks })).as_bytes()).await.unwrap();
    }
    said.push_str(&complaints.await.unwrap());
}

/// Did it go through? What has not ended by itself is told to, with all of its group.
async fn end(child: &mut Child) -> bool {
    if let Ok(ended) = tokio::time::timeout(Duration::from_secs(5), child.wait()).await {
        return ended.unwrap().success();
    }
    let group = child.id().map(|id| Pid::from_raw(id.cast_signed()));
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        // It may be gone by now.
        group.map(|group| killpg(group, signal)).unwrap_or(Ok(())).unwrap_or_default();
        if tokio::time::timeout(Duration::from_secs(5), child.wait()).await.is_ok() {
            break;
        }
    }
    false
}

/// Processes with this mark: the browser is a group of its own. They have a moment to end by themselves; then they are ended, and
/// named.
async fn end_what_is_left(mark: &str) -> Vec<String> {
    for _ in 0..50 {
        if marked(mark).is_empty() {
            return Vec::new();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let left = marked(mark);
    for (id, _) in &left {
        kill(Pid::from_raw(*id), Signal::SIGKILL).unwrap_or_default();
    }
    left.into_iter().map(|(id, name)| format!("{id} {name}")).collect()
}

fn marked(mark: &str) -> Vec<(i32, String)> {
    let wanted = format!("{MARK}={mark}");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| {
            let id: i32 = process.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(process.path().join("environ")).ok()?;
            let is_ours = environment.split(|byte| *byte == 0).any(|pair| pair == wanted.as_bytes());
            is_ours.then(|| (id, std::fs::read_to_string(process.path().join("comm")).unwrap_or_default()))
        })
        .collect()
}
