//! What an outside call came to, and the one function that decides it (`reliability.md` 4.1, `DESIGN.md` 6).
//! Must not know: any provider's JSON; a provider's decoder says what a body [means](Said), this says what follows.

mod classify;
#[cfg(test)]
mod tests;

pub use classify::{Waits, classify};

use crate::exchange::Exchange;
use std::fmt;
use std::time::Duration;

/// What a caller may do next. Exactly one thing each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a call whose answer nobody looks at may have to be undone"]
pub enum Answer<T> {
    /// It has happened, and the provider has proved it.
    Done(T),
    /// The provider understood and will not. Asking again gives the same.
    Refused(Refusal),
    /// Nothing was changed; the same call may be made again after the wait.
    TryLater {
        /// How long to wait at least.
        after: Duration,
        /// Why nothing happened.
        why: Postponed,
    },
    /// The account's credentials are not accepted: pause the account and tell somebody. No row fails by it.
    CredentialsRefused {
        /// 401 or 403, unless the provider says it in words of its own.
        status: u16,
        /// The provider's words, without secrets.
        message: String,
    },
    /// It may have happened. Only a read can say; sending again without one may do it twice.
    Unknown {
        /// What is missing to know.
        why: Trouble,
    },
}

impl<T> Answer<T> {
    /// The same answer around what `change` makes of the result.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Done(done) => Answer::Done(change(done)),
            Self::Refused(refusal) => Answer::Refused(refusal),
            Self::TryLater { after, why } => Answer::TryLater { after, why },
            Self::CredentialsRefused { status, message } => Answer::CredentialsRefused { status, message },
            Self::Unknown { why } => Answer::Unknown { why },
        }
    }

    /// One word for logs and metrics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Refused(_) => "refused",
            Self::TryLater { .. } => "try_later",
            Self::CredentialsRefused { .. } => "credentials_refused",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// An answer, and what of the exchange may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a call whose answer nobody looks at may have to be undone"]
pub struct Outcome<T> {
    /// What follows.
    pub answer: Answer<T>,
    /// For the log.
    pub exchange: Exchange,
}

impl<T> Outcome<T> {
    /// The same outcome around what `change` makes of the answer.
    pub fn map<U>(self, change: impl FnOnce(Answer<T>) -> Answer<U>) -> Outcome<U> {
        Outcome { answer: change(self.answer), exchange: self.exchange }
    }
}

/// A provider's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Who said it.
    pub by: RefusedBy,
    /// Its HTTP status; none if nothing was sent.
    pub status: Option<u16>,
    /// The provider's own code for it, if it has one.
    pub code: Option<String>,
    /// The provider's words, without secrets.
    pub message: String,
}

/// Who refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedBy {
    /// The provider's application.
    Application,
    /// What stands before it; the application was not asked.
    Gateway,
    /// We ourselves, before anything was sent: the provider's documented limits do not admit the request.
    Ourselves,
}

/// Why a call has changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Postponed {
    /// Provably no byte of the request left.
    NotSent(NotSent),
    /// The provider is asked too often. Does not count as an attempt.
    Throttled,
    /// The account's calls of the day are spent. Does not count as an attempt.
    QuotaSpent,
    /// What the call was signed in with has run out, and the call was turned away for that alone. Does not count as an
    /// attempt; whoever keeps the sign-in renews that part of it, once, and calls again.
    SignInLapsed(SignInPart),
    /// A read failed; reads change nothing.
    ReadFailed(Trouble),
}

impl Postponed {
    /// Whether it counts toward a limit of attempts.
    #[must_use]
    pub const fn is_an_attempt(&self) -> bool {
        !matches!(self, Self::Throttled | Self::QuotaSpent | Self::SignInLapsed(_))
    }
}

/// A part of a sign-in that can run out by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignInPart {
    /// What the provider's gateway asks for.
    Bearer,
    /// What the provider's application asks for.
    Session,
}

impl SignInPart {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Session => "session",
        }
    }
}

/// How it is known that nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent {
    /// At which point it ended.
    pub at: BeforeSending,
    /// The error's own words.
    pub detail: String,
}

/// A point before the first byte of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeforeSending {
    /// The request could not be made.
    Request,
    /// The name has no address.
    Name,
    /// Nobody listens.
    Refused,
    /// No connection within the time for one.
    ConnectTimeout,
    /// No agreement on encryption, or the certificate is not good.
    Tls,
    /// Another failure while connecting.
    Connecting,
    /// The connection closed before the request was begun.
    ClosedBeforeUse,
}

/// What stood between a call and the knowledge of what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No whole answer within the time for one.
    TimedOut,
    /// The connection ended in the middle.
    Cut {
        /// The error's own words.
        detail: String,
    },
    /// More bytes than are read.
    TooLarge,
    /// A status that says nothing of what has happened, or an answer that proves nothing.
    Unproven {
        /// The status that came.
        status: u16,
        /// What it lacks, or the provider's words, without secrets.
        detail: String,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no whole answer in time"),
            Self::Cut { detail } => write!(f, "the connection ended early: {detail}"),
            Self::TooLarge => f.write_str("the answer is larger than is read"),
            Self::Unproven { status, detail } => write!(f, "status {status}: {detail}"),
        }
    }
}

/// Whether a call changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Changes nothing; may be repeated.
    Read,
    /// May change something, each time.
    Write,
}

/// All that is known of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence<T> {
    /// Provably no byte of the request left.
    NotSent(NotSent),
    /// It may have arrived, and no status came back.
    NoAnswer(Trouble),
    /// A status came back.
    Answered {
        /// The status.
        status: u16,
        /// What the provider's decoder made of the rest.
        said: Said<T>,
    },
}

/// What a body means, by its provider's decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<T> {
    /// What was asked for, with positive proof of it. Only this can become [`Answer::Done`].
    Proof(T),
    /// An error that the provider documents, or one whose shape only its own code makes.
    KnownError(Refusal),
    /// It is asked too often; also the status 429 alone says so.
    Throttled {
        /// How long it says to wait.
        after: Option<Duration>,
    },
    /// The account's calls are spent.
    QuotaSpent {
        /// How long it says to wait.
        after: Option<Duration>,
    },
    /// A part of the sign-in has run out.
    SignInLapsed(SignInPart),
    /// The account's credentials are not accepted, whatever the status.
    CredentialsRefused(String),
    /// Nothing that can be relied on.
    Nothing(String),
    /// The body did not arrive whole.
    Incomplete(Trouble),
}
