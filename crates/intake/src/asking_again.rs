//! Before lines at Rev.io are opened, closed or taken over, what is known of the customers at stake has to be fresh: they are asked
//! for, and read by whoever looks after the mirror. If nobody does in time, the plan is made from what is known, and says so.

use crate::judging::{Asked, Lines, Resolved, resolve_wishes};
use crate::planner::{PlanRefusal, Planner};
use crate::planning::Assign;
use database::rev_io::{StaleAccount, ask, read_since, stale_accounts};
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
/// How often it is looked whether they were read.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What came of asking.
#[derive(Debug, Default)]
pub(crate) struct AskedAgain {
    /// Accounts of which a customer was not read in time.
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

/// The customers at stake, of those accounts alone.
#[derive(Debug)]
pub(crate) struct AtStake {
    stale: Stale,
    pub(crate) customers: HashSet<RevAccount>,
    too_many: bool,
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
        Self { stale, customers: HashSet::new(), too_many: false }
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
            self.too_many = true;
        }
    }
}

/// Gathers whom the rows would bill, and whom they would bill no longer. Lines that are asked for are left out: whether they are there
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
            let is_out = match verdict(&wish.target, conflict, asked.permit, &row.facts) {
                // That line may have been disconnected.
                Verdict::Refused(refusal) => refusal.reason != Reason::ActiveServiceLineOtherCustomer,
                Verdict::Change | Verdict::NoChange(_) => false,
            };
            if is_out {
                continue;
            }
            // Without a number it gets no line.
            if wish.of_a_line && device.number.is_some() {
                target.account().into_iter().for_each(|account| at_stake.add(account));
            }
            if conflict.closes() {
                device.lines_of_others(target.account()).for_each(|line| at_stake.add(&line.account));
            }
        }
    }
}

/// Asks for them, and waits until all were read, or for as long as a plan waits.
pub(crate) async fn ask_and_wait(
    planner: &Planner,
    tenant: TenantId,
    at_stake: AtStake,
) -> Result<AskedAgain, PlanRefusal> {
    let AtStake { stale, customers, too_many } = at_stake;
    let customers: Vec<RevAccount> = customers.into_iter().collect();
    let is_paused = |customer: &&RevAccount| {
        stale.accounts.iter().any(|s| s.paused && s.account == customer.integration_authentication)
    };
    let waits_for: HashSet<&RevAccount> = customers.iter().filter(|customer| !is_paused(customer)).collect();
    ask(&planner.ledger, tenant, &customers, stale.oldest).await?;
    // How long we have waited ourselves: no decision of the ledger hangs on it.
    let begun = Instant::now();
    let read = loop {
        let read = read_since(&planner.ledger, tenant, &customers, stale.oldest).await?;
        let known: HashSet<&RevAccount> = read.iter().map(|(customer, _)| customer).collect();
        let over = waits_for.is_subset(&known) || begun.elapsed() >= planner.settings.billing_wait;
        if over {
            break read;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let known: HashSet<&RevAccount> = read.iter().map(|(customer, _)| customer).collect();
    let mut not_asked: BTreeSet<IntegrationAuthenticationId> =
        customers.iter().filter(|customer| !known.contains(customer)).map(|c| c.integration_authentication).collect();
    if too_many {
        not_asked.extend(stale.accounts.iter().map(|account| account.account));
    }
    Ok(AskedAgain { not_asked, read_at: read.iter().map(|(_, at)| *at).min() })
}
