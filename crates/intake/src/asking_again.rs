//! Before lines at Rev.io are opened, closed or taken over, what is known of the customers and numbers at stake has to be fresh: they
//! are asked for, and read by whoever looks after the mirror. If nobody does in time, the plan is made from what is known, and says so.

use crate::judging::{Asked, Lines, Resolved, resolve_wishes};
use crate::planner::{PlanRefusal, Planner};
use crate::planning::Assign;
use database::rev_io::{ReadAgain, StaleAccount, Wanted, ask, read_since, stale_accounts};
use database::stage::Stage;
use domain::ids::{IntegrationAuthenticationId, TenantId};
use domain::reason::Reason;
use domain::target::RevAccount;
use domain::verdict::{Conflict, Verdict, verdict};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// The most customers of one plan that are read again; of more, the plan says that they were not.
const MOST_CUSTOMERS: usize = 10_000;
/// The most numbers of one plan that are each looked up: a call or two for each. With more, what is new in the account has to do.
const MOST_NUMBERS: usize = 50;
/// How often it is looked whether they were read.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What came of asking.
#[derive(Debug, Default)]
pub(crate) struct AskedAgain {
    /// Accounts of which something was not read in time.
    pub(crate) not_asked: BTreeSet<IntegrationAuthenticationId>,
    /// When the reading of the first of them had begun.
    pub(crate) read_at: Option<Timestamp>,
}

/// Accounts of which what is known is too old.
#[derive(Debug)]
pub(crate) struct Stale {
    pub(crate) accounts: Vec<StaleAccount>,
    /// What was read since then is not too old.
    oldest: Timestamp,
}

/// What is at stake, of those accounts alone.
#[derive(Debug)]
pub(crate) struct AtStake {
    stale: Stale,
    customers: HashSet<RevAccount>,
    /// Of SIMs; empty again once there are too many.
    numbers: BTreeSet<String>,
    too_many_customers: bool,
    too_many_numbers: bool,
}

/// The accounts that matter and are too old. No statement where nothing is asked of billing.
pub(crate) async fn stale(planner: &Planner, tenant: TenantId, assign: &Assign) -> Result<Stale, PlanRefusal> {
    let fresh_for = SignedDuration::try_from(planner.settings.billing_fresh_for).unwrap_or(SignedDuration::MAX);
    let oldest = assign.moment.now.checked_sub(fresh_for).unwrap_or(Timestamp::MIN);
    let accounts =
        if assign.may_ask_for_lines() { stale_accounts(&planner.ledger, tenant, oldest).await? } else { Vec::new() };
    Ok(Stale { accounts, oldest })
}

impl AtStake {
    pub(crate) fn new(stale: Stale) -> Self {
        let (customers, numbers) = (HashSet::new(), BTreeSet::new());
        Self { stale, customers, numbers, too_many_customers: false, too_many_numbers: false }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.customers.is_empty() && self.numbers.is_empty() && !self.too_many_numbers
    }

    fn add(&mut self, customer: &RevAccount) {
        let is_stale = |stale: &StaleAccount| stale.account == customer.integration_authentication;
        // A customer that was made by hand has no number as its id, and Rev.io knows nothing of it.
        let is_known = customer.rev_customer_id.bytes().all(|byte| byte.is_ascii_digit());
        if !is_known || !self.stale.accounts.iter().any(is_stale) || self.customers.contains(customer) {
            return;
        }
        if self.customers.len() < MOST_CUSTOMERS {
            self.customers.insert(customer.clone());
        } else {
            self.too_many_customers = true;
        }
    }

    fn add_number(&mut self, number: &str) {
        if self.too_many_numbers {
            return;
        }
        self.numbers.insert(number.to_owned());
        if self.numbers.len() > MOST_NUMBERS {
            self.too_many_numbers = true;
            self.numbers.clear();
        }
    }

    /// Customers in the accounts they are of; numbers, and what is new, in each.
    fn wanted(&self) -> Vec<Wanted> {
        let customers = self.customers.iter().map(|customer| Wanted {
            account: customer.integration_authentication,
            what: ReadAgain::Customer(customer.rev_customer_id.clone()),
        });
        // A line may have the number with the country's 1 or without; links take both for the same.
        let short = |number: &String| number.strip_prefix('1').filter(|short| short.len() == 10).map(str::to_owned);
        let as_on_lines: BTreeSet<String> =
            self.numbers.iter().flat_map(|n| [Some(n.clone()), short(n)]).flatten().collect();
        let everywhere = self.stale.accounts.iter().flat_map(|stale| {
            let account = stale.account;
            let numbers = as_on_lines.iter().map(move |n| Wanted { account, what: ReadAgain::Number(n.clone()) });
            // What is new since never is everything, and that is no reading of a moment.
            let new = stale.was_read.then_some(Wanted { account, what: ReadAgain::NewLines });
            numbers.chain(new)
        });
        customers.chain(everywhere).collect()
    }
}

/// Gathers whom the rows would bill, whom they would bill no longer, and for which numbers. Lines that are asked for are left out: whether they are there
/// is what is to be read.
pub(crate) async fn survey(
    stage: &mut Stage,
    asked: &Asked<'_>,
    page_rows: i64,
    at_stake: &mut AtStake,
) -> Result<(), PlanRefusal> {
    let conflict = Conflict::of(asked.request);
    let (mut resolved, mut last) = (Resolved::new(), 0);
    loop {
        let page = stage.page(asked.rows, asked.service_provider, last, page_rows).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.row_number;
        resolve_wishes(stage, asked, &page, &mut resolved, Lines::LeftOut).await?;
        for row in &page {
            let Some(wish) = resolved.get(row.overrides.as_deref().unwrap_or_default()) else { continue };
            let (Ok(target), Some(device)) = (&wish.target, &row.facts.device) else { continue };
            let is_out = match verdict(&wish.target, conflict, asked.permit, asked.at_carrier, &row.facts) {
                // That line may have been disconnected.
                Verdict::Refused(refusal) => refusal.reason != Reason::ActiveServiceLineOtherCustomer,
                Verdict::Change | Verdict::NoChange(_) => false,
            };
            if is_out {
                continue;
            }
            // Without a number it gets no line; an activation brings one.
            let gets_number = device.number.is_some() || target.carrier.activates(device.carrier.standing);
            if wish.of_a_line && gets_number {
                target.account().into_iter().for_each(|account| at_stake.add(account));
            }
            if let Some(number) = &device.number
                && (wish.of_a_line || conflict.closes())
            {
                at_stake.add_number(number);
            }
            if conflict.closes() {
                device.lines_of_others(target.account()).for_each(|line| at_stake.add(&line.account));
            }
        }
    }
}

/// Asks for it, and waits until all of it was read, or for as long as a plan waits.
pub(crate) async fn ask_and_wait(
    planner: &Planner,
    tenant: TenantId,
    at_stake: AtStake,
) -> Result<AskedAgain, PlanRefusal> {
    let wanted = at_stake.wanted();
    let AtStake { stale, too_many_customers, .. } = at_stake;
    let is_paused = |wanted: &&Wanted| stale.accounts.iter().any(|s| s.paused && s.account == wanted.account);
    let waits_for: HashSet<&Wanted> = wanted.iter().filter(|wanted| !is_paused(wanted)).collect();
    ask(&planner.ledger, tenant, &wanted, stale.oldest).await?;
    // How long we have waited ourselves: no decision of the ledger hangs on it.
    let begun = Instant::now();
    let read = loop {
        let read = read_since(&planner.ledger, tenant, &wanted, stale.oldest).await?;
        let known: HashSet<&Wanted> = read.iter().map(|(wanted, _)| wanted).collect();
        let over = waits_for.is_subset(&known) || begun.elapsed() >= planner.settings.billing_wait;
        if over {
            break read;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let known: HashSet<&Wanted> = read.iter().map(|(wanted, _)| wanted).collect();
    let unread = wanted.iter().filter(|wanted| !known.contains(wanted)).map(|wanted| wanted.account);
    let never = stale.accounts.iter().filter(|s| too_many_customers || !s.was_read).map(|s| s.account);
    let not_asked: BTreeSet<IntegrationAuthenticationId> = unread.chain(never).collect();
    Ok(AskedAgain { not_asked, read_at: read.iter().map(|(_, at)| *at).min() })
}
