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
pub use service_products::{ACTIVE, DISCONNECTED, PENDING, ServiceProduct};
pub use services::Service;
pub use table::{Table, Tally};

use crate::World;
use crate::call::{Answer, Call};
use crate::fleet::{FleetError, RevAccount};
use axum::extract::{Request, State};
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

/// Answers a call below `/rev-io`.
pub(crate) async fn answer(State(world): State<World>, request: Request) -> Response {
    let call = match Call::read("rev-io", request).await {
        Ok(call) => call,
        Err(refused) => return refused,
    };
    let now = world.now();
    let answer = world.rev_io(|state| {
        let (username, admitted) = gateway::admit(state, &call.headers, now);
        admitted?;
        let account = username.and_then(|username| state.account_mut(&username));
        let account =
            account.ok_or_else(|| gateway::unauthorized("Authorization has been denied for this request."))?;
        match paths::operation(&call.method, &call.path, &account.inferred)? {
            Operation::Search(kind) => reads::search(account, kind, &call, None),
            Operation::Get(kind, id) => reads::get(account, kind, id, &call),
            _ => Err(Refusal::gateway(axum::http::StatusCode::NOT_IMPLEMENTED, "Not built yet")),
        }
    });
    let answer: Result<Answer, Refusal> = answer;
    answer.unwrap_or_else(Refusal::into_answer).into_response()
}
