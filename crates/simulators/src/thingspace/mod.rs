//! ThingSpace, as `thingspace.md` has it. What that page marks as inferred, conflicting or unknown is inferred here too:
//!
//! - switchable: everything in [`Inferred`], and every number in [`Settings`];
//! - fixed: codes that are marked in `codes.rs`, the words of all errors, the body of a 429, the form of errors of the token's
//!   issuer, which wrong credentials are answered with 403, 400 for a path or a method that the API does not have, the
//!   header that names a revoked token, the time zone of dates, the default group's name, cycles that end with the calendar's
//!   month, the members of callbacks about availability, suspension and usage, callbacks that name a device by all its
//!   identifiers, states of `gotostate` named as the other calls, custom fields and the like of a suspended line that can be
//!   changed, no pending state of a suspension, and what the modules call inferred.
//!
//! State is settled by the world's clock: what is due happens before the next call is answered, and at the latest when
//! somebody looks ([`crate::World::thingspace`]). Delays, ids and numbers come from the seed and from what they are for, so
//! that calls which meet in another order change nothing.

mod about;
mod account;
mod accounts;
mod announcing;
mod body;
mod callbacks;
mod carrying_out;
mod codes;
mod device;
mod devices;
mod gateway;
mod groups;
mod history;
mod identifiers;
mod inferred;
mod inventory;
mod listeners;
mod listing;
mod lot;
pub(crate) mod objects;
mod order;
mod paths;
mod pool;
mod profile;
mod refusal;
mod request;
mod sending;
mod session;
mod settings;
mod settling;
mod state;
pub(crate) mod support;
mod telling;
mod token;
mod usage;
mod wire;

pub(crate) use about::about;
pub use account::{Account, Lead, Listener, Plan};
pub(crate) use callbacks::Sending;
pub use callbacks::{Attempt, Callback, Callbacks, Outcome, Sort};
pub use device::{Device, Event, Record};
pub use devices::Devices;
pub use identifiers::IdKind;
pub(crate) use identifiers::WireId;
pub use inferred::{Inferred, NoListeners, PoolsKey};
pub(crate) use lot::Lot;
pub use paths::OrderKind;
pub use pool::{Pool, PoolType};
pub use profile::Profile;
pub use request::{Request, Requests};
pub(crate) use sending::deliver;
pub use settings::{Delay, Settings};
pub use state::State;

use crate::World;
use crate::call::{Answer, Call};
use crate::exchange::{Admission, Outside, exchange};
use crate::fleet::{FleetError, ThingSpaceProfile};
use crate::running::Line;
use axum::extract::{ConnectInfo, Request as HttpRequest, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use paths::Operation;
use refusal::Refusal;
use std::time::Duration;

/// Its name in paths and rules.
pub(crate) const NAME: &str = "thingspace";
/// Long enough for an answer to leave before the first callback of its request.
const ON_ITS_WAY: Duration = Duration::from_millis(20);
/// How long an answer waits at most for the callbacks that are to come before it.
const MOST_WAIT_FOR_EARLY: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// ThingSpace: its profiles, in the order in which they were loaded.
pub struct ThingSpace {
    seed: u64,
    profiles: Vec<Profile>,
}

impl ThingSpace {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, profiles: Vec::new() }
    }

    /// The profile of that user.
    #[must_use]
    pub fn profile(&self, username: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.username == username)
    }

    /// The profile of that user, to change.
    pub fn profile_mut(&mut self, username: &str) -> Option<&mut Profile> {
        self.profiles.iter_mut().find(|profile| profile.username == username)
    }

    /// All profiles.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// All profiles, to change.
    pub fn profiles_mut(&mut self) -> &mut [Profile] {
        &mut self.profiles
    }

    pub(crate) fn load(&mut self, profiles: Vec<ThingSpaceProfile>, now: Timestamp) -> Result<(), FleetError> {
        let mut loaded: Vec<Profile> = Vec::new();
        for profile in profiles {
            let taken = |other: &Profile| other.username == profile.username || other.key == profile.key;
            if self.profiles.iter().chain(&loaded).any(taken) {
                return Err(FleetError::UsernameTaken(profile.username));
            }
            let lot = Lot::new(self.seed, &profile.username);
            loaded.push(profile.into_profile(lot, now)?);
        }
        self.profiles.append(&mut loaded);
        Ok(())
    }

    /// Does everything that is due.
    pub(crate) fn settle(&mut self, world: &World, now: Timestamp) {
        for profile in &mut self.profiles {
            settling::settle(profile, world, now);
        }
    }

    /// What is to be sent now.
    pub(crate) fn sendings(&mut self, now: Timestamp) -> Vec<Sending> {
        self.profiles.iter_mut().flat_map(|profile| profile.sendings(now)).collect()
    }

    /// The names of the accounts that a user may not see.
    fn accounts_of_others(&self, username: &str) -> Vec<String> {
        let others = self.profiles.iter().filter(|profile| profile.username != username);
        others.flat_map(|profile| profile.accounts.iter().map(|account| account.name.clone())).collect()
    }
}

/// How an exchange speaks ThingSpace.
struct Verizon;

impl Outside for Verizon {
    const NAME: &'static str = NAME;

    fn apply(world: &World, call: &Call, username: &str, hide_born_after: Option<Timestamp>) -> Answer {
        let now = world.now();
        let operation = match paths::operation(&call.method, &call.path) {
            Ok(operation) => operation,
            Err(refusal) => return refusal.into_answer(),
        };
        let answer = world.thingspace(|state| {
            let others = state.accounts_of_others(username);
            let profile = state.profile_mut(username).ok_or_else(Refusal::invalid_credentials)?;
            let moment = Moment { world, others: &others, now, hide_born_after };
            operate(profile, &operation, call, &moment)
        });
        let mut answer = answer.unwrap_or_else(Refusal::into_answer);
        answer.operation = Some(operation.name());
        answer
    }

    fn refused(status: StatusCode, error: &str, message: &str) -> Answer {
        let unexpected = codes::UNEXPECTED.code();
        refusal::platform(status, if error == crate::faults::ERROR { &unexpected } else { error }, message)
    }

    fn throttled(seconds: Option<u32>) -> Answer {
        Refusal::Throttled { seconds: seconds.map(i64::from) }.into_answer()
    }

    fn failed(status: StatusCode) -> Answer {
        match status {
            StatusCode::UNAUTHORIZED => Refusal::invalid_credentials().into_answer(),
            StatusCode::FORBIDDEN => Refusal::Forbidden.into_answer(),
            status => Refusal::gateway(status).into_answer(),
        }
    }

    /// Callbacks wait until the answer has left, but for those that are to come before it: for them the answer waits.
    async fn before_answer(world: &World, username: &str, answer: &Answer) {
        let Some(request) = answer.request() else { return };
        let has_early = || {
            world
                .thingspace(|state| state.profile(username).is_some_and(|profile| profile.callbacks.has_early(request)))
        };
        let early = async {
            while has_early() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        drop(tokio::time::timeout(MOST_WAIT_FOR_EARLY, early).await);
        let (world, username) = (world.clone(), username.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(ON_ITS_WAY).await;
            world.thingspace(|state| {
                if let Some(profile) = state.profile_mut(&username) {
                    profile.callbacks.release(request);
                }
            });
        });
    }
}

/// What is the same for all of a call.
struct Moment<'a> {
    world: &'a World,
    others: &'a [String],
    now: Timestamp,
    hide_born_after: Option<Timestamp>,
}

/// Does a call on a profile. Everything but signing in is done in a session.
fn operate(profile: &mut Profile, operation: &Operation, call: &Call, moment: &Moment<'_>) -> Result<Answer, Refusal> {
    let (others, now) = (moment.others, moment.now);
    match operation {
        Operation::Token => return token::issue(profile, call, now),
        Operation::Revoke => return token::revoke(profile, call),
        Operation::LogIn => return session::log_in(profile, call, now),
        _ => {}
    }
    let session = session::used(profile, &call.headers, now)?;
    match operation {
        Operation::Token | Operation::Revoke | Operation::LogIn => Err(codes::UNEXPECTED.into()),
        Operation::LogOut => Ok(session::log_out(profile, &session)),
        Operation::ResetPassword => session::reset_password(profile, call),
        Operation::List => listing::list(profile, call, others, now, moment.hide_born_after),
        Operation::Add => inventory::add(profile, call, others, now),
        Operation::Delete => inventory::delete(profile, call, others),
        Operation::Order(kind) => settling::place(profile, *kind, call, others, moment.world, now),
        Operation::History => history::list(profile, call),
        Operation::Usage => usage::list(profile, call, now),
        Operation::Plans(account) => accounts::plans(profile, account, others),
        Operation::Account(account) => accounts::account(profile, account, others),
        Operation::RequestStatus(account, id) => accounts::request_status(profile, account, id, others),
        Operation::Leads(account) => accounts::leads(profile, account, call, others),
        Operation::Listeners(account) => listeners::list(profile, account, others),
        Operation::Register(account) => listeners::register(profile, account, call, others),
        Operation::Deregister(account, name) => listeners::deregister(profile, account, name, others),
        Operation::CreateGroup => groups::create(profile, call, others, now),
        Operation::Groups(account) => groups::list(profile, account, others),
        Operation::Group(account, name) => groups::show(profile, account, name, call, others),
        Operation::UpdateGroup(account, name) => groups::update(profile, (account, name), call, others, now),
        Operation::DeleteGroup(account, name) => groups::delete(profile, account, name, others, now),
    }
}

/// Answers a call below `/thingspace`.
pub(crate) async fn answer(Shared(world): Shared<World>, request: HttpRequest) -> Response {
    let line = request.extensions().get::<ConnectInfo<Line>>().map(|line| line.0.clone());
    let call = match Call::read(Verizon::NAME, request).await {
        Ok(call) => call,
        Err(refused) => return refused,
    };
    let now = world.now();
    let (account, admitted) = world.thingspace(|state| gateway::admit(state, &call.path, &call.headers, now));
    let admission = Admission { account, refused: admitted.err().map(Refusal::into_answer) };
    exchange::<Verizon>(world, call, line, admission).await
}
