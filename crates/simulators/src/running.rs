//! A world that is being served, on sockets that a fault can close.

use crate::World;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long a stop waits for answers under way before their sockets are closed.
const PATIENCE: Duration = Duration::from_millis(500);

/// A served world. Dropping it closes everything at once; [`Running::stop`] also waits until it is closed.
pub struct Running {
    url: String,
    stopping: CancellationToken,
    cut_all: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Serves the world at the address; port 0 takes a free one.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub async fn start(world: World, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stopping, cut_all) = (CancellationToken::new(), CancellationToken::new());
        let sockets = Sockets { listener, stopping: stopping.clone(), cut_all: cut_all.clone() };
        tokio::spawn(crate::thingspace::deliver(world.clone(), stopping.clone()));
        let service = crate::router(world).into_make_service_with_connect_info::<Line>();
        let serve = axum::serve(sockets, service).with_graceful_shutdown(stopping.clone().cancelled_owned());
        let serving = tokio::spawn(serve.into_future());
        Ok(Self { url, stopping, cut_all, serving })
    }

    /// Where it is served, without a path: `http://127.0.0.1:7070`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops: callbacks, held answers and landings under way end, then the sockets close. The world itself stays as it is.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if tokio::time::timeout(PATIENCE, &mut self.serving).await.is_err() {
            self.cut_all.cancel();
            // A failed join only says that the server is already gone, which is what was wanted.
            drop(tokio::time::timeout(PATIENCE, &mut self.serving).await);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.cut_all.cancel();
    }
}

/// A call's connection: what a fault closes, and how it learns that the server stops.
#[derive(Clone)]
pub(crate) struct Line {
    cut: CancellationToken,
    stopping: CancellationToken,
}

impl Line {
    /// Closes the socket; nothing more is written to it.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    /// Tells of the server's stop.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }
}

impl Connected<IncomingStream<'_, Sockets>> for Line {
    fn connect_info(stream: IncomingStream<'_, Sockets>) -> Self {
        stream.io().line.clone()
    }
}

struct Sockets {
    listener: TcpListener,
    stopping: CancellationToken,
    cut_all: CancellationToken,
}

impl Listener for Sockets {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // A dripped byte is to leave now. A socket that refuses is one that is gone, which the first read will tell.
        drop(stream.set_nodelay(true));
        let line = Line { cut: self.cut_all.child_token(), stopping: self.stopping.clone() };
        (Socket { stream, is_cut: Box::pin(line.cut.clone().cancelled_owned()), line }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A TCP stream that fails as soon as its line is cut, so that the server lets go of it without a further byte.
struct Socket {
    stream: TcpStream,
    is_cut: Pin<Box<WaitForCancellationFutureOwned>>,
    line: Line,
}

impl Socket {
    fn whole(&mut self, context: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        if self.is_cut.as_mut().poll(context).is_ready() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.whole(cx) {
            Ok(stream) => stream.poll_read(cx, buf),
            Err(cut) => Poll::Ready(Err(cut)),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.whole(cx) {
            Ok(stream) => stream.poll_write(cx, buf),
            Err(cut) => Poll::Ready(Err(cut)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.whole(cx) {
            Ok(stream) => stream.poll_flush(cx),
            Err(cut) => Poll::Ready(Err(cut)),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
