//! Who carries the SIMs: what every carrier can be asked, in one set of words.
//! Must not know: any carrier's JSON, our database, when to ask or how often.
//!
//! A carrier is a folder and a variant of [`Carrier`]. There is no trait with defaults: a carrier that lacks an operation
//! does not list it in its [`Capabilities`], and asking for it anyway is refused by name ([`NOT_SUPPORTED`]) before anything
//! is sent. A plan asks the same capabilities, so that it says so first.
//!
//! A write is about a [`Batch`]: one request, as many devices as the carrier takes at once. What it comes to is an
//! [`Answer`](crate::Answer) about the whole request; `Done` holds what is known of its devices ([`Taken`]): an id under
//! which they will be done, or each device's own answer. An accepted batch proves nothing of any device: each is read back
//! by its natural key, and [`meaning`] says what was found.

mod callback;
mod capabilities;
mod cause;
mod change;
mod contract;
mod device;
mod dispatch;
pub mod meaning;
mod reading;
mod sign_in;
pub mod thingspace;

pub use callback::{Admitted, CallbackGate, CallbackWord, MOST_CALLBACK_BYTES, NotAdmitted};
pub use capabilities::{Answers, Capabilities, NOT_SUPPORTED, NotSupported, StaticIps};
pub use cause::{Cause, Concerns};
pub use change::{
    Activation, Batch, Change, DeviceAnswer, DeviceRef, IpWish, NaturalKey, PlaceOfUse, PlanChange, StaticIp, Taken,
};
pub use contract::{Operation, OperationContract, document};
pub use device::{Cursor, Device, DevicePage, Standing, UnreadableDevice};
pub use dispatch::{Carrier, CarrierKind};
pub use reading::{HistoryEvent, HistoryPage, IpPool, Listing, NewCallback, Plan, Reading, RegisteredCallback};
pub use sign_in::{Lapsed, SignIn};
