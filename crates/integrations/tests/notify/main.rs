//! Telling webhooks: nothing inside is connected to, nothing is followed, little is read, and no answer takes long.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

use domain::clock::Clock;
use integrations::notify::{Lookup, Notice, Notifier, NotifySettings, Told};
use secrecy::SecretString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// What a server does with a connection.
#[derive(Clone, Copy, Debug)]
enum Does {
    Answers(&'static str),
    /// A head, and then a body that never ends, as fast as it is taken.
    Floods,
    /// A byte of the head from time to time.
    Drips,
    Nothing,
    CutsOff,
}

/// A server on this machine; how many connections and bytes it has seen.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    flooded: Arc<AtomicUsize>,
}

async fn server(does: Does) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (connections, flooded) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (seen, written) = (Arc::clone(&connections), Arc::clone(&flooded));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            seen.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(socket, does, Arc::clone(&written)));
        }
    });
    Server { address, connections, flooded }
}

async fn serve(mut socket: TcpStream, does: Does, written: Arc<AtomicUsize>) -> std::io::Result<()> {
    let mut request = [0; 4096];
    if socket.read(&mut request).await? == 0 {
        return Ok(());
    }
    match does {
        Does::Answers(text) => socket.write_all(text.as_bytes()).await,
        Does::Floods => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n").await?;
            loop {
                written.fetch_add(socket.write(&[b'x'; 8192]).await?, Ordering::SeqCst);
            }
        }
        Does::Drips => {
            socket.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                socket.write_all(b"x: y\r\n").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Does::Nothing => std::future::pending().await,
        Does::CutsOff => Ok(()),
    }
}

/// Answers every name with these addresses.
fn always(addresses: Vec<SocketAddr>) -> Lookup {
    Arc::new(move |_| {
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) })
    })
}

fn notifier(hosts: &[String], lookup: Lookup) -> Notifier {
    drop(rustls::crypto::ring::default_provider().install_default());
    let settings =
        NotifySettings { connect_timeout: Duration::from_millis(400), total_timeout: Duration::from_millis(800) };
    Notifier::new(settings, hosts.into(), Clock::fixed(jiff::Timestamp::UNIX_EPOCH), lookup).unwrap()
}

async fn tell(notifier: &Notifier, url: &str) -> Told {
    let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let id = Uuid::from_u128(7);
    notifier.tell(&Notice { url, secret: &secret, id, body: "{}" }).await
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let trap = server(Does::Answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let port = trap.address.port();
    let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), port);
    for addresses in [
        vec![at("127.0.0.1")],
        vec![at("::ffff:127.0.0.1")],
        // One that is public does not make up for one that is not.
        vec![at("8.8.8.8"), at("127.0.0.1")],
        vec![at("10.0.0.1")],
        vec![at("169.254.169.254")],
        vec![at("100.64.0.1")],
        vec![at("fd00::1")],
        vec![at("64:ff9b::7f00:1")],
        vec![at("0.0.0.0")],
        vec![at("::")],
    ] {
        let told = tell(&notifier(&[], always(addresses.clone())), "https://hooks.example.com/x").await;
        assert_eq!(told, Told::NoAnswer("the name leads to an address that is not public"), "{addresses:?}");
    }
    // Addresses that were taken before the setting changed, or that came by another way than the API.
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://localhost:{port}/"),
        "https://169.254.169.254/".to_owned(),
    ] {
        let told = tell(&notifier(&[], always(vec![trap.address])), &url).await;
        assert_eq!(told, Told::NoAnswer("the address is not one that this installation takes"), "{url}");
    }
    assert_eq!(trap.connections.load(Ordering::SeqCst), 0);
    // The trap would have been reached: it is, by a name that the installation names.
    let named = notifier(&["hooks.example.com:80".to_owned()], always(vec![trap.address]));
    assert_eq!(tell(&named, "http://hooks.example.com/").await, Told::Delivered(200));
    assert_eq!(trap.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_that_answers_differently_the_second_time_gains_nothing() {
    let trap = server(Does::Answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let (counting, inside) = (Arc::clone(&asked), trap.address);
    // TEST-NET addresses are refused too; a public one that nobody answers at is what is needed first.
    let public: SocketAddr = "[2a00::1]:443".parse().unwrap();
    let lookup: Lookup = Arc::new(move |_| {
        let first = counting.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move { Ok(vec![if first { public } else { inside }]) })
    });
    let notifier = notifier(&[], lookup);
    let first = tell(&notifier, "https://hooks.example.com/").await;
    assert!(matches!(first, Told::NoAnswer("no connection" | "no answer in time")), "{first:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "looked up once a try: what is checked is what is connected to");
    let second = tell(&notifier, "https://hooks.example.com/").await;
    assert_eq!(second, Told::NoAnswer("the name leads to an address that is not public"));
    assert_eq!(trap.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn every_answer_is_one_of_four_things() {
    let trap = server(Does::Answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let to = format!("HTTP/1.1 302 Found\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n", trap.address);
    for (does, told) in [
        (Does::Answers("HTTP/1.1 204 No Content\r\n\r\n"), Told::Delivered(204)),
        (Does::Answers("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"), Told::Gone),
        (Does::Answers("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"), Told::Refused(500)),
        (Does::Answers("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n"), Told::Refused(401)),
        (Does::Answers(to.leak()), Told::Refused(302)),
        (Does::Answers("SSH-2.0-OpenSSH_9.2\r\n"), Told::NoAnswer("the connection broke off")),
        (Does::CutsOff, Told::NoAnswer("the connection broke off")),
        (Does::Drips, Told::NoAnswer("no answer in time")),
        (Does::Nothing, Told::NoAnswer("no answer in time")),
    ] {
        let receiver = server(does).await;
        let named = notifier(&[receiver.address.to_string()], always(vec![]));
        assert_eq!(tell(&named, &format!("http://{}/hook", receiver.address)).await, told, "{does:?}");
        assert_eq!(receiver.connections.load(Ordering::SeqCst), 1, "sent once: {does:?}");
    }
    assert_eq!(trap.connections.load(Ordering::SeqCst), 0, "a redirect is not followed");
}

#[tokio::test]
async fn little_is_read_of_an_answer_that_does_not_end() {
    let receiver = server(Does::Floods).await;
    let named = notifier(&[receiver.address.to_string()], always(vec![]));
    assert_eq!(tell(&named, &format!("http://{}/", receiver.address)).await, Told::Delivered(200));
    tokio::time::sleep(Duration::from_millis(200)).await;
    // What the sockets' buffers hold was written and never read.
    let flooded = receiver.flooded.load(Ordering::SeqCst);
    assert!(flooded < 16 * 1024 * 1024, "{flooded}");
}
