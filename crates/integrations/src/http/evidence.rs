//! Which of reqwest's errors prove that nothing was sent. Conservative: what is not proved may have been sent.
//!
//! What was read, in reqwest 0.13.5, hyper-util 0.1.21 and hyper 1.12.0:
//!
//! - `is_connect()` is hyper-util's kind `Connect`, which `client/legacy/client.rs` (`connect_to`) makes only of what the
//!   connector returned: name, socket, TLS, and reqwest's connect timeout around them. The request is not written before.
//! - hyper gives the kind `Canceled` to a request that it hands back unwritten: `proto/h1/dispatch.rs`, `recv_msg`, "the
//!   message was never even started", and `client/dispatch.rs`, where an envelope is dropped unopened. A request that was
//!   begun gets another kind, mostly `IncompleteMessage`.
//! - the kind `ChannelClosed` comes of a sender that is asked whether it is ready (`client/dispatch.rs`, `poll_ready`),
//!   which is before it is given the request. Bodies here are whole, so the kind's other use, streamed bodies, is none.
//!
//! A connection that dies in another way while hyper waits for it to become ready has nothing to tell it from one that
//! dies later, and counts as perhaps sent. So does a total timeout, which may end the connecting too: the connect timeout
//! is therefore shorter, and fires first.

use crate::answer::{BeforeSending, NotSent, Trouble};
use std::error::Error;
use std::io;

/// Before an answer's head was there: not sent, or perhaps sent.
pub(super) fn of(error: reqwest::Error) -> Result<NotSent, Trouble> {
    // The address has nothing secret in it, but queries have numbers of lines.
    let error = error.without_url();
    let at = if error.is_builder() {
        BeforeSending::Request
    } else if error.is_connect() {
        while_connecting(&error)
    } else if find::<hyper::Error>(&error).is_some_and(|cause| cause.is_canceled() || cause.is_closed()) {
        BeforeSending::ClosedBeforeUse
    } else {
        return Err(trouble(error));
    };
    Ok(NotSent { at, detail: chain(&error) })
}

/// Once the request may have been sent.
pub(super) fn trouble(error: reqwest::Error) -> Trouble {
    let error = error.without_url();
    if error.is_timeout() { Trouble::TimedOut } else { Trouble::Cut { detail: chain(&error) } }
}

fn while_connecting(error: &reqwest::Error) -> BeforeSending {
    if error.is_dns() {
        BeforeSending::Name
    } else if error.is_timeout() {
        BeforeSending::ConnectTimeout
    } else if find::<rustls::Error>(error).is_some() {
        BeforeSending::Tls
    } else if find::<io::Error>(error).is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused) {
        BeforeSending::Refused
    } else {
        BeforeSending::Connecting
    }
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// An I/O error's source is the source of what is inside it; what is inside is wanted too, for there is where rustls is.
fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn Error + 'static)| {
        let inside = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inside.map_or_else(|| (**cause).source(), |inside| Some(inside as &(dyn Error + 'static)))
    })
}

fn chain(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    for cause in causes(error) {
        words.push_str(": ");
        words.push_str(&cause.to_string());
    }
    words
}
