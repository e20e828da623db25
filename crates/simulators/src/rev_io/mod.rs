//! Rev.io, as `rev_io.md` has it. What that page marks as inferred, or leaves open, is inferred here too:
//!
//! - switchable: everything in [`Inferred`];
//! - fixed: windows of the limits ([`gateway`](self)), the words in errors and the `error` codes, the form of dates in
//!   answers, the shape of `links`, text compared without regard to case, what a package's products look like, the words
//!   of a customer's status other than `CLOSED`, and the fields that a module calls inferred.
//!
//! Every change is at once: a product whose `effective_date` lies ahead has that date but does not wait for it.

mod account;
mod catalogue;
mod charges;
mod customers;
mod gateway;
mod inferred;
mod inventory;
mod json_patch;
mod kind;
mod object;
mod paths;
mod reads;
mod refusal;
mod search;
mod service_products;
mod services;
mod shelf;
mod table;
mod writes;

pub use account::Account;
pub use catalogue::{
    Agent, BillProfile, Package, PackageProduct, Product, ProductType, Provider, ProviderAccount, ServiceType,
    UsagePlanGroup,
};
pub use charges::Charge;
pub use customers::{Address, Customer, Finance, Profile};
pub use inferred::{Inferred, PageSizeAboveMost, UnknownName};
pub use inventory::{ASSIGNED, AVAILABLE, InventoryItem, InventoryType, ServiceInventory};
pub use kind::Kind;
pub use object::{Amount, Object, Plain, WireDate};
pub use service_products::{ACTIVE, DENIED, DISCONNECTED, PENDING, ServiceProduct};
pub use services::Service;
pub use table::{Table, Tally};

use crate::World;
use crate::call::{Answer, Call};
use crate::exchange::{Admission, Outside, exchange};
use crate::fleet::{FleetError, RevAccount};
use crate::running::Line;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use paths::Operation;
use refusal::Refusal;

/// Rev.io: its accounts, in the order in which they were loaded.
#[derive(Default)]
pub struct RevIo {
    accounts: Vec<Account>,
}

impl RevIo {
    /// The account of that user name.
    #[must_use]
    pub fn account(&self, username: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.username == username)
    }

    /// The account of that user name, to change.
    pub fn account_mut(&mut self, username: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.username == username)
    }

    /// All accounts.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// All accounts, to change.
    pub fn accounts_mut(&mut self) -> &mut [Account] {
        &mut self.accounts
    }

    pub(crate) fn load(&mut self, accounts: Vec<RevAccount>, now: Timestamp) -> Result<(), FleetError> {
        let mut loaded: Vec<Account> = Vec::new();
        for account in accounts {
            let taken = self.accounts.iter().chain(&loaded).any(|other| other.username == account.username);
            if taken {
                return Err(FleetError::UsernameTaken(account.username));
            }
            loaded.push(account.into_account(now)?);
        }
        self.accounts.append(&mut loaded);
        Ok(())
    }
}

/// How an exchange speaks Rev.io.
struct Rev;

impl Outside for Rev {
    const NAME: &'static str = "rev-io";

    fn apply(world: &World, call: &Call, username: &str, hide_born_after: Option<Timestamp>) -> Answer {
        let now = world.now();
        let answer = world.rev_io(|state| match state.account_mut(username) {
            Some(account) => operate(account, call, now, hide_born_after),
            None => Err(gateway::denied()),
        });
        answer.unwrap_or_else(Refusal::into_answer)
    }

    fn refused(status: StatusCode, error: &str, message: &str) -> Answer {
        Refusal::application(status, error, message).into_answer()
    }

    fn throttled(seconds: Option<u32>) -> Answer {
        Refusal::throttled(seconds.map(i64::from)).into_answer()
    }

    fn failed(status: StatusCode) -> Answer {
        Refusal::gateway(status, status.canonical_reason().unwrap_or("Error")).into_answer()
    }
}

/// Does a call on an account.
fn operate(
    account: &mut Account,
    call: &Call,
    now: Timestamp,
    hide_born_after: Option<Timestamp>,
) -> Result<Answer, Refusal> {
    use writes::{charges, customers, inventory, service_products, services};
    let done = match paths::operation(&call.method, &call.path, &account.inferred)? {
        Operation::Search(kind) => return reads::search(account, kind, call, hide_born_after),
        Operation::Get(kind, id) => return reads::get(account, kind, id, call),
        Operation::CreateCustomer => customers::create(account, call, now),
        Operation::CreateService => services::create(account, call, now),
        Operation::PatchService(id) => services::patch(account, id, call),
        Operation::CreateServiceProduct => service_products::create(account, call, now),
        Operation::PatchServiceProduct(id) => service_products::patch(account, id, call, now),
        Operation::PutServiceProduct(id) => service_products::put(account, id, call, now),
        Operation::DisconnectServiceProduct => service_products::disconnect(account, call, now),
        Operation::CreateInventoryItem => inventory::create(account, call, now),
        Operation::AssignInventory => inventory::assign(account, call, now),
        Operation::UnassignInventory => inventory::unassign(account, call),
        Operation::CreateCharge => charges::create(account, call, now),
    };
    done.map(|done| done.into_answer(call))
}

/// Answers a call below `/rev-io`.
pub(crate) async fn answer(State(world): State<World>, request: Request) -> Response {
    let line = request.extensions().get::<ConnectInfo<Line>>().map(|line| line.0.clone());
    let call = match Call::read(Rev::NAME, request).await {
        Ok(call) => call,
        Err(refused) => return refused,
    };
    let now = world.now();
    let (account, admitted) = world.rev_io(|state| gateway::admit(state, &call.headers, now));
    let admission = Admission { account, refused: admitted.err().map(Refusal::into_answer) };
    exchange::<Rev>(world, call, line, admission).await
}
