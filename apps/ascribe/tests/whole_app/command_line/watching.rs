//! `ascribe change watch` over a stream that is cut, and over a way that lets no stream through.

use super::{ascribe, printed};
use crate::devices;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testing::TestApp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens to streams on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The first one is cut after its first event.
    CutsTheFirst,
    /// There are none.
    LetsNoneThrough,
}

/// Something between client and server; the heads of all requests that went through it.
async fn between(app: &TestApp, way: Way) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = app.url().strip_prefix("http://").unwrap().to_owned();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, server.clone(), way, Arc::clone(&kept)));
        }
    });
    (url, heads)
}

async fn carry(mut client: TcpStream, server: String, way: Way, heads: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let streams = text.lines().next().unwrap().contains("/events");
    let first = {
        let mut heads = heads.lock().unwrap();
        heads.push(text);
        heads.iter().filter(|head| head.lines().next().unwrap().contains("/events")).count() == 1
    };
    if streams && way == Way::LetsNoneThrough {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    }
    let mut upstream = TcpStream::connect(server).await?;
    head.truncate(head.len() - 2);
    upstream.write_all(&head).await?;
    upstream.write_all(b"connection: close\r\n\r\n").await?;
    if !(streams && first) {
        tokio::io::copy_bidirectional(&mut client, &mut upstream).await?;
        return Ok(());
    }
    let mut carried = Vec::new();
    while !String::from_utf8_lossy(&carried).contains("data: ") || !carried.ends_with(b"\n\n\r\n") {
        let byte = upstream.read_u8().await?;
        carried.push(byte);
        client.write_all(&[byte]).await?;
    }
    client.flush().await
}

fn events(heads: &Mutex<Vec<String>>) -> Vec<String> {
    let heads = heads.lock().unwrap();
    heads.iter().filter(|head| head.lines().next().unwrap().contains("/events")).cloned().collect()
}

#[tokio::test]
async fn a_stream_that_is_cut_goes_on_after_the_last_event() {
    let app = TestApp::start(25).await.unwrap();
    let (url, heads) = between(&app, Way::CutsTheFirst).await;
    let plan = app.plan("Water", &json!({}), &devices(25)).await.unwrap().json;
    let id = plan["id"].as_str().unwrap().to_owned();
    app.post("/bulk-changes", &json!({"plan_id": id})).await.unwrap();
    let key = app.fixture.key.reveal().to_owned();
    let watching = tokio::spawn(async move { ascribe(&url, &key, &["change", "watch", &id, "-o", "json"], "").await });
    tokio::time::timeout(Duration::from_secs(10), async {
        while events(&heads).len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    app.work().await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), watching).await.unwrap().unwrap();
    let change: Value = serde_json::from_str(&printed(&ended, 0)).unwrap();
    assert_eq!((&change["status"], &change["counts"]["ok"]), (&json!("PROCESSED"), &json!(25)));
    let asked = events(&heads);
    assert_eq!(asked.len(), 2, "one stream, cut, and another to the end: {asked:?}");
    assert!(!asked[0].contains("last-event-id"), "{}", asked[0]);
    assert!(asked[1].contains("last-event-id: new-0-0-0-0-0"), "{}", asked[1]);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn where_no_stream_gets_through_it_is_asked_again_and_again() {
    let app = TestApp::start(3).await.unwrap();
    let (url, heads) = between(&app, Way::LetsNoneThrough).await;
    let plan = app.plan("Water", &json!({}), &devices(3)).await.unwrap().json;
    let id = plan["id"].as_str().unwrap().to_owned();
    let key = app.fixture.key.reveal().to_owned();
    let applying = tokio::spawn(async move { ascribe(&url, &key, &["apply", &id, "--wait", "-o", "json"], "").await });
    tokio::time::timeout(Duration::from_secs(10), async {
        while heads.lock().unwrap().len() < 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    app.work().await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), applying).await.unwrap().unwrap();
    let change: Value = serde_json::from_str(&printed(&ended, 0)).unwrap();
    assert_eq!((&change["status"], &change["counts"]["ok"]), (&json!("PROCESSED"), &json!(3)));
    assert_eq!(events(&heads).len(), 1, "asked for once");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_refused_at_once() {
    let app = TestApp::start(0).await.unwrap();
    let (url, _) = between(&app, Way::LetsNoneThrough).await;
    let nothing = ["change", "watch", "00000000-0000-7000-8000-000000000000"];
    for url in [url.as_str(), app.url()] {
        printed(&ascribe(url, app.fixture.key.reveal(), &nothing, "").await, 4);
    }
    printed(&ascribe("http://127.0.0.1:9", app.fixture.key.reveal(), &nothing, "").await, 1);
    app.finish().await.unwrap();
}
