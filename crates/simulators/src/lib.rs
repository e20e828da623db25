//! THE WORLD: the outside systems over real HTTP, with state and faults, for tests, demo and training.
//! Must not know: anything of ours.
//!
//! `docs/simulators.md` is the page for whoever uses it.
//!
//! A [`World`] holds the state of every simulated system and the two things that would make a run differ from the next:
//! its clock and its seed, both of them arguments. [`Running`] serves it; [`World::rev_io`] and
//! [`World::thingspace`] look into it from a test.
//!
//! | Path | What |
//! |---|---|
//! | `/rev-io/v1/…` | Rev.io ([`rev_io`]), told apart into accounts by the Basic credentials |
//! | `/thingspace/api/…` | ThingSpace ([`thingspace`]), told apart into profiles by the application's key and token |
//! | `/support/thingspace` | what the carrier's support does: settings, unlocking |
//! | `/faults` | what goes wrong next ([`faults`]) |
//! | `/ledger` | every call, whether it was applied, and what exists now ([`ledger`]) |
//! | `/about` | what a client needs to sign in |
//!
//! Delays of faults are waited by `tokio::time`; everything that is compared with "now" (limits, dates, how young an object is) asks
//! the world's clock.

mod about;
mod call;
mod exchange;
pub mod faults;
mod fleet;
pub mod ledger;
pub mod rev_io;
mod running;
pub mod thingspace;
mod world;

pub use fleet::{Fleet, FleetError, RevAccount, ThingSpaceProfile};
pub use running::Running;
pub use world::{Clock, World};

use axum::Router;
use axum::routing::{any, get};

/// Everything the world answers, without a server around it.
///
/// Serve it with [`Running`]: only there can a fault really close the socket. Under another server `cut_before`,
/// `cut_after` and an ended hold only break off in the body, perhaps after a head.
pub fn router(world: World) -> Router {
    Router::new()
        .route("/rev-io/{*path}", any(rev_io::answer))
        .route("/thingspace/{*path}", any(thingspace::answer))
        .route("/support/thingspace", get(thingspace::support::list))
        .route("/support/thingspace/{username}", axum::routing::patch(thingspace::support::change))
        .route("/support/thingspace/{username}/{act}", axum::routing::post(thingspace::support::act))
        .route("/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/faults/{id}", axum::routing::delete(faults::remove))
        .route("/ledger", get(ledger::list).delete(ledger::forget))
        .route("/ledger/objects", get(ledger::objects))
        .route("/ledger/counts", get(ledger::counts))
        .route("/ledger/callbacks", get(ledger::callbacks))
        .route("/about", get(about::show))
        .with_state(world)
}
