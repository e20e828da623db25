//! COMMITs whose answer never comes: the transaction is there, and the worker does not know.

use crate::stage::Stage;
use database::Ledger;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

const CUTS: u32 = 40;
/// A query message that ends a transaction, as it is on the wire: 'Q', its length, the text, and a zero byte.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// Stands between a worker and PostgreSQL, and cuts the connection after every third COMMIT, when it is done and before it is told.
struct Cutter {
    commits: AtomicU32,
    cuts: AtomicU32,
}

impl Cutter {
    fn cuts_this_one(&self) -> bool {
        let third = self.commits.fetch_add(1, Ordering::SeqCst) % 3 == 2;
        third
            && self
                .cuts
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |cuts| (cuts < CUTS).then_some(cuts + 1))
                .is_ok()
    }

    async fn listen(self: Arc<Self>, listener: UnixListener, server: PathBuf) {
        while let Ok((client, _)) = listener.accept().await {
            let (cutter, server) = (Arc::clone(&self), server.clone());
            tokio::spawn(async move { cutter.pass_on(client, &server).await });
        }
    }

    /// Ends when either side does, or when this one cuts.
    async fn pass_on(&self, mut client: UnixStream, server: &Path) {
        let Ok(mut server) = UnixStream::connect(server).await else { return };
        let (mut up, mut down) = ([0; 16 * 1024], [0; 16 * 1024]);
        loop {
            tokio::select! {
                read = client.read(&mut up) => {
                    let Some(bytes) = read.ok().filter(|read| *read > 0).and_then(|read| up.get(..read)) else { return };
                    if server.write_all(bytes).await.is_err() {
                        return;
                    }
                    if bytes.windows(COMMIT.len()).any(|window| window == COMMIT) && self.cuts_this_one() {
                        // PostgreSQL has done it when it answers; the answer goes nowhere.
                        drop(server.read(&mut down).await);
                        return;
                    }
                }
                read = server.read(&mut down) => {
                    let Some(bytes) = read.ok().filter(|read| *read > 0).and_then(|read| down.get(..read)) else { return };
                    if client.write_all(bytes).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_whose_answer_is_lost_double_nothing_and_lose_nothing() {
    let mut stage = Stage::of(60).await;
    let plan = stage.plan_to_open(0..60).await;
    stage
        .fault(json!({"provider": "rev-io", "method": "POST", "when": {"rate": 0.05}, "fault": {"kind": "cut_after"}}));
    stage.fault(json!({"provider": "rev-io", "method": "POST", "when": {"rate": 0.02}, "fault": {"kind": "refuse"}}));
    stage.apply(&plan).await;
    let server = stage.app.ledger.server().clone();
    let socket = server.socket_folder().unwrap().join(".s.PGSQL.5432");
    let folder = tempfile::tempdir().unwrap();
    let cutter = Arc::new(Cutter { commits: AtomicU32::new(0), cuts: AtomicU32::new(0) });
    let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
    let cutting = tokio::spawn(Arc::clone(&cutter).listen(listener, socket));
    let direct = std::mem::replace(&mut stage.app.ledger, Ledger::new(server.behind_socket(folder.path())));
    // Small claims, so that there are many commits.
    stage.app.database.plant("update app.integration_authentication set calls_per_minute = 300").await.unwrap();
    let left = "select count(*) from app.due_work where sweeps is null and due_at < 'infinity'";
    for minutes in (2..600).step_by(2) {
        // What a cut has ended is not an error of the worker's: it comes again.
        drop(stage.app.work_after(&format!("{minutes} minutes")).await);
        if stage.app.database.number(left).await.unwrap() == 0 && minutes > 2 {
            break;
        }
    }
    let cuts = cutter.cuts.load(Ordering::SeqCst);
    println!("{cuts} of {} commits cut", cutter.commits.load(Ordering::SeqCst));
    stage.app.ledger.close().await;
    stage.app.ledger = direct;
    cutting.abort();
    assert_eq!(cuts, CUTS, "enough of them were cut to prove anything");
    let path = format!("/bulk-changes/{}", plan.as_str().unwrap());
    let change = stage.app.get(&path).await.unwrap().json;
    assert_eq!((&change["counts"]["to_do"], &change["counts"]["needs_attention"]), (&json!(0), &json!(0)), "{change}");
    stage.agrees(&plan).await;
    stage.finish().await;
}
