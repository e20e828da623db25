//! A claim of due rows, carried on as far as it goes: decided, sent through the gate, looked at, recorded, ended, or given back.

use super::at_carrier::Calls;
use super::desk::{Late, Todo, Working};
use super::wave::{Wave, cost, signed};
use super::{AccountTrouble, Outside, Place, explain};
use database::outside::{
    DueClaim, Ending, end_outside_rows, extend, give_up, next_sweep, open_gate, outside_rows, release_due_work,
    reopen_for_attention, settle_outside_rows, shut_gate,
};
use database::rev_io::{block, pause, take_permits};
use database::{DatabaseError, carrier};
use domain::ids::{IntegrationAuthenticationId, ServiceProviderId};
use domain::reason::Reason;
use domain::states::DeviceChangeStatus;
use integrations::billing::rev_io::RevIo;
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What became of a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Rows whose assignment was recorded.
    pub recorded: usize,
    /// Rows that ended otherwise.
    pub ended: usize,
    /// Rows given back, to be due again.
    pub given_back: usize,
    /// Did it end before all rows were one of these?
    pub left: bool,
}

/// Why a claim was left where it was.
#[derive(Debug)]
pub(super) enum Stopped {
    /// A test ended the worker.
    Died,
    /// The database was not there. The lease runs out, and somebody else goes on.
    Database(DatabaseError),
}

impl From<DatabaseError> for Stopped {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// How long a paused account's rows are left alone before it is looked whether it still is.
const WHILE_PAUSED: Duration = Duration::from_secs(15);
/// How long a row that cannot be read is left alone.
const WHILE_UNREAD: Duration = Duration::from_secs(60);
/// For so long an account is believed to be set up as it was.
const AS_SET_UP: Duration = Duration::from_secs(5);
/// Permits are asked for again after so long at least: what has come in meanwhile is taken at once.
const ASKED_AGAIN: f64 = 0.05;
/// Waves in a row of which no call came through, before the circuit opens. Waves and not calls: what is sent at the same moment fails
/// for the same reason.
const FAILURES: i32 = database::outside::CIRCUIT_OPENS_AFTER;

/// A claim that is being carried on.
pub(super) struct Carrying<'a> {
    pub(super) outside: &'a Outside,
    pub(super) claim: DueClaim,
    pub(super) desk: Vec<Working>,
    /// Rows that are not ours any more.
    pub(super) lost: Vec<i32>,
    began: (Timestamp, Instant),
    extended: Instant,
    pub(super) permits: u32,
    carried: Carried,
    came_through: bool,
    client: Option<(Arc<RevIo>, Instant)>,
    /// The carrier's account, where the rows are at its gate.
    pub(super) carrier: Option<Calls>,
}

/// Carries the rows of a claim on. Never fails: what could not be done is due again.
pub async fn carry_out(outside: &Outside, claim: &DueClaim, stop: &CancellationToken) -> Carried {
    let started = super::moment();
    let (now, rows) = match outside_rows(&outside.ledger, claim).await {
        Ok(found) => found,
        Err(trouble) => {
            tracing::warn!(bulk_change.id = %claim.bulk_change, error = &trouble as &dyn std::error::Error, "due rows could not be read");
            return Carried { left: true, ..Carried::default() };
        }
    };
    let mut carrying = Carrying {
        outside,
        claim: claim.clone(),
        desk: rows.into_iter().map(Working::new).collect(),
        lost: Vec::new(),
        began: (now, started),
        extended: started,
        permits: 0,
        carried: Carried::default(),
        came_through: false,
        client: None,
        carrier: None,
    };
    if let Err(trouble) = carrying.leave_what_was_not_read().await {
        tracing::warn!(bulk_change.id = %claim.bulk_change, error = &trouble as &dyn std::error::Error, "rows that could not be read were not given back");
    }
    match carrying.run(stop).await {
        Ok(()) => {}
        Err(Stopped::Died) => carrying.carried.left = true,
        Err(Stopped::Database(trouble)) => {
            tracing::warn!(bulk_change.id = %claim.bulk_change, error = &trouble as &dyn std::error::Error, "due rows are left to another claim");
            carrying.carried.left = true;
        }
    }
    carrying.carried
}

impl Carrying<'_> {
    /// The ledger's time: what it said when the rows were read, and what has passed since.
    pub(super) fn now(&self) -> Timestamp {
        self.began.0 + signed(self.began.1.elapsed())
    }

    /// A row of the claim that could not be read is not dropped without a word: it is looked at again, and somebody is told.
    async fn leave_what_was_not_read(&mut self) -> Result<(), DatabaseError> {
        let is_here = |row: &&i32| self.desk.iter().any(|working| working.row.row == **row);
        let missing: Vec<i32> = self.claim.rows.iter().filter(|row| !is_here(row)).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        tracing::error!(bulk_change.id = %self.claim.bulk_change, rows = ?missing, "rows that are due cannot be read, or are another claim's by now");
        let (then, account) = (self.now() + signed(WHILE_UNREAD), self.claim.account);
        let rows: Vec<_> = missing.iter().map(|row| (*row, then, account)).collect();
        // Of those that are not ours this does nothing.
        release_due_work(&self.outside.ledger, &self.claim, &rows).await?;
        self.carried.given_back += missing.len();
        Ok(())
    }

    async fn run(&mut self, stop: &CancellationToken) -> Result<(), Stopped> {
        while !self.desk.is_empty() {
            if stop.is_cancelled() {
                return self.release_all(self.now()).await;
            }
            self.keep().await?;
            let calls = self.settle_what_is_decided().await?;
            if calls.is_empty() {
                continue;
            }
            if self.is_at_carrier() {
                if !self.carrier_round(calls, stop).await? {
                    return Ok(());
                }
                continue;
            }
            let Some(client) = self.client().await? else { return Ok(()) };
            let Some(calls) = self.through_the_gate(calls, stop).await? else { continue };
            let wave = self.wave(&client, calls).await?;
            self.after(wave, None).await?;
        }
        Ok(())
    }

    /// The lease lasts while the work does; what is not ours any more is let go.
    async fn keep(&mut self) -> Result<(), Stopped> {
        if self.extended.elapsed() > self.outside.settings.lease / 3 {
            let ours = extend(&self.outside.ledger, &self.claim, self.outside.settings.lease).await?;
            self.extended = super::moment();
            self.desk.retain(|working| ours.contains(&working.row.row));
        }
        if !self.lost.is_empty() {
            let lost = std::mem::take(&mut self.lost);
            let (now, account) = (self.now(), self.claim.account);
            let rows: Vec<_> = lost.iter().map(|row| (*row, now + signed(Duration::from_secs(1)), account)).collect();
            // Of those that are not ours this does nothing.
            release_due_work(&self.outside.ledger, &self.claim, &rows).await?;
            self.carried.given_back += lost.len();
            self.desk.retain(|working| !lost.contains(&working.row.row));
        }
        Ok(())
    }

    /// Decides for every row, writes down what needs no call, and answers the calls.
    async fn settle_what_is_decided(&mut self) -> Result<Vec<(usize, Todo)>, Stopped> {
        let (now, account, policy) = (self.now(), self.claim.account, self.outside.settings.policy);
        let (mut calls, mut releases, mut record, mut endings) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut given_up, mut swept, mut reopened, mut notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, working) in self.desk.iter_mut().enumerate() {
            let row = working.row.row;
            let after_the_end = working.late != Late::NotYet;
            match working.next(account, &policy, now) {
                todo @ (Todo::Send(_) | Todo::Look(_) | Todo::LookForLate) => calls.push((at, todo)),
                Todo::Note(key, noted) => notes.push((at, key, noted)),
                Todo::Release(then, at_account) => releases.push((row, then, at_account)),
                Todo::Record => record.push(row),
                Todo::Swept => swept.push((row, working.row.sweeps.unwrap_or(0))),
                Todo::GiveUp(because) if !after_the_end => {
                    let (reason, details) = explain::because(working, because);
                    working.saga.giving_up = true;
                    working.row.giving_up = Some((reason.to_owned(), details.clone()));
                    given_up.push((row, reason, details));
                }
                Todo::GiveUp(because) => {
                    let (_, details) = explain::because(working, because);
                    reopened.push(ending(row, DeviceChangeStatus::NeedsAttention, Reason::UndoNotDone.word(), details));
                }
                Todo::Fail => {
                    let (reason, details) = working.row.giving_up.clone().unwrap_or_default();
                    let reason = Reason::from_word(&reason).unwrap_or(Reason::BillingRejected).word();
                    endings.push(ending(row, DeviceChangeStatus::Failed, reason, details));
                }
                Todo::Cancel => {
                    let reason = Reason::CancelledByUser.word();
                    endings.push(ending(row, DeviceChangeStatus::Cancelled, reason, String::new()));
                }
                Todo::Stale(line) => {
                    let details = explain::stale(line);
                    let reason = Reason::StaleSincePlan.word();
                    endings.push(ending(row, DeviceChangeStatus::Skipped, reason, details));
                }
                Todo::Attention(attention) => {
                    let (reason, details) = explain::attention(working, attention);
                    let ending = ending(row, DeviceChangeStatus::NeedsAttention, reason, details);
                    if after_the_end { reopened.push(ending) } else { endings.push(ending) }
                }
                Todo::AskPerson => {
                    let (reason, details) =
                        working.attention.clone().unwrap_or((Reason::OutcomeUnknown.word(), String::new()));
                    let ending = ending(row, DeviceChangeStatus::NeedsAttention, reason, details);
                    if after_the_end { reopened.push(ending) } else { endings.push(ending) }
                }
            }
        }
        if !notes.is_empty() {
            // Then everything is decided anew, with that.
            self.note_down(notes).await?;
            give_up(&self.outside.ledger, &self.claim, &given_up).await?;
            return Ok(Vec::new());
        }
        let ledger = self.outside.ledger.clone();
        give_up(&ledger, &self.claim, &given_up).await?;
        if !record.is_empty() && self.outside.witness.dies_at(Place::BeforeSettle) {
            return Err(Stopped::Died);
        }
        let not_recorded = self.record(&record).await?;
        let first_sweep = self.outside.settings.sweeps[0];
        end_outside_rows(&ledger, &self.claim, &endings, first_sweep, &self.outside.worker).await?;
        reopen_for_attention(&ledger, &self.claim, &reopened, &self.outside.worker).await?;
        release_due_work(&ledger, &self.claim, &releases).await?;
        self.sweep_again(&swept).await?;
        self.carried.ended += endings.len() + reopened.len() + swept.len();
        self.carried.given_back += releases.len();
        let mut over: Vec<i32> = record.into_iter().filter(|row| !not_recorded.contains(row)).collect();
        over.extend(endings.iter().chain(&reopened).map(|ending| ending.row));
        over.extend(releases.iter().map(|release| release.0));
        over.extend(swept.iter().map(|swept| swept.0));
        // Places move when rows leave: calls are named by row for a moment.
        let calls: Vec<(i32, Todo)> =
            calls.into_iter().filter_map(|(at, todo)| Some((self.desk.get(at)?.row.row, todo))).collect();
        self.desk.retain(|working| !over.contains(&working.row.row));
        let place = |row: i32| self.desk.iter().position(|working| working.row.row == row);
        Ok(calls.into_iter().filter_map(|(row, todo)| Some((place(row)?, todo))).collect())
    }

    /// Records assignments, in halves around a row that the database will not take: that one is taken back. Answers those.
    async fn record(&mut self, rows: &[i32]) -> Result<Vec<i32>, Stopped> {
        let mut refused = Vec::new();
        let mut parts = vec![rows.to_vec()];
        while let Some(part) = parts.pop() {
            let brought: Vec<Value> = self
                .desk
                .iter()
                .filter(|working| part.contains(&working.row.row))
                .flat_map(|working| working.brought.iter().cloned())
                .collect();
            let settings = &self.outside.settings;
            let settled = settle_outside_rows(
                &self.outside.ledger,
                &self.claim,
                &part,
                &Value::Array(brought),
                settings.sweeps[0],
                &self.outside.worker,
            )
            .await;
            match settled {
                Ok(settled) => self.carried.recorded += usize::try_from(settled).unwrap_or(0),
                Err(DatabaseError::Data { sqlstate, .. }) => match part.as_slice() {
                    [one] => {
                        tracing::error!(bulk_change.id = %self.claim.bulk_change, row = one, sqlstate, "a row the database will not take");
                        let details = format!("The database refused this row (SQLSTATE {sqlstate}).");
                        let reason = Reason::PoisonRow.word();
                        give_up(&self.outside.ledger, &self.claim, &[(*one, reason, details.clone())]).await?;
                        if let Some(working) = self.desk.iter_mut().find(|working| working.row.row == *one) {
                            working.saga.giving_up = true;
                            working.saga.resolution = None;
                            working.row.giving_up = Some((reason.to_owned(), details));
                        }
                        refused.push(*one);
                    }
                    more => {
                        let (first, second) = more.split_at(more.len() / 2);
                        parts.push(second.to_vec());
                        parts.push(first.to_vec());
                    }
                },
                Err(trouble) => return Err(trouble.into()),
            }
        }
        Ok(refused)
    }

    async fn sweep_again(&self, swept: &[(i32, i16)]) -> Result<(), Stopped> {
        let sweeps = &self.outside.settings.sweeps;
        for done in 0..i16::try_from(sweeps.len()).unwrap_or(i16::MAX) {
            let rows: Vec<i32> = swept.iter().filter(|(_, so_far)| *so_far == done).map(|(row, _)| *row).collect();
            let wait = usize::try_from(done + 1).ok().and_then(|next| sweeps.get(next)).copied();
            next_sweep(&self.outside.ledger, &self.claim, &rows, wait).await?;
        }
        let rest: Vec<i32> = swept
            .iter()
            .filter(|(_, done)| usize::try_from(*done).is_ok_and(|d| d >= sweeps.len()))
            .map(|(row, _)| *row)
            .collect();
        Ok(next_sweep(&self.outside.ledger, &self.claim, &rest, None).await?)
    }

    async fn client(&mut self) -> Result<Option<Arc<RevIo>>, Stopped> {
        if let Some((client, asked)) = &self.client
            && asked.elapsed() < AS_SET_UP
        {
            return Ok(Some(Arc::clone(client)));
        }
        let (ledger, tenant, account) = (&self.outside.ledger, self.claim.tenant, self.claim.account);
        let client = self.outside.accounts.client(ledger, tenant, account).await;
        let client = self.in_order(client).await?;
        self.client = client.map(|client| (client, super::moment()));
        Ok(self.client.as_ref().map(|(client, _)| Arc::clone(client)))
    }

    /// What the account is needed for can go on. None: it cannot be called, and the claim has been given back.
    pub(super) async fn in_order<T>(&mut self, needed: Result<T, AccountTrouble>) -> Result<Option<T>, Stopped> {
        let (ledger, tenant, account) = (self.outside.ledger.clone(), self.claim.tenant, self.claim.account);
        match needed {
            Ok(needed) => return Ok(Some(needed)),
            Err(AccountTrouble::Database(trouble)) => return Err(trouble.into()),
            Err(AccountTrouble::NotHere(why)) => {
                tracing::error!(account = %account, why, "this process cannot call the account; another one may");
                self.release_all(self.now() + signed(WHILE_PAUSED)).await?;
            }
            Err(AccountTrouble::Unusable(why)) => {
                self.pause(&why, None).await?;
                shut_gate(&ledger, tenant, account, WHILE_PAUSED, 0).await?;
                self.release_all(self.now()).await?;
            }
        }
        Ok(None)
    }

    /// Nothing more is sent to the account until somebody has looked. `with`: the secrets that were refused, at a carrier.
    async fn pause(&self, why: &str, with: Option<&str>) -> Result<(), Stopped> {
        let (ledger, tenant, account) = (&self.outside.ledger, self.claim.tenant, self.claim.account);
        if !self.is_at_carrier() {
            return Ok(pause(ledger, tenant, IntegrationAuthenticationId(account), why).await?);
        }
        let provider = ServiceProviderId(account);
        let with = match with {
            Some(with) => with.to_owned(),
            None => carrier::signed_with(ledger, tenant, provider).await?,
        };
        Ok(carrier::pause(ledger, tenant, provider, &with, why).await?)
    }

    /// Permits for so many calls, or for some; at least for the first, which takes so many. False: none, and what was to be
    /// waited for was waited for, or the claim has been given back.
    pub(super) async fn permitted(
        &mut self,
        wanted: u32,
        first: u32,
        stop: &CancellationToken,
    ) -> Result<bool, Stopped> {
        let (ledger, tenant, account) = (self.outside.ledger.clone(), self.claim.tenant, self.claim.account);
        let mut wait = 0.0;
        if self.permits < wanted {
            let more = wanted - self.permits;
            let granted = match self.is_at_carrier() {
                true => carrier::take_permits(&ledger, tenant, ServiceProviderId(account), more).await?,
                false => take_permits(&ledger, tenant, account, more).await?,
            };
            if granted.paused {
                shut_gate(&ledger, tenant, account, WHILE_PAUSED, 0).await?;
                self.release_all(self.now()).await?;
                return Ok(false);
            }
            self.permits += granted.calls;
            wait = granted.wait_seconds;
        }
        if self.permits >= first {
            return Ok(true);
        }
        let wait = Duration::from_secs_f64(wait.clamp(ASKED_AGAIN, 86_400.0));
        // What was read of SIMs at a carrier is lost with the claim: at a slow pace nothing would ever be sent.
        let patience = match self.is_at_carrier() {
            true => self.outside.settings.patience.max(self.outside.settings.lease / 3),
            false => self.outside.settings.patience,
        };
        if wait > patience {
            shut_gate(&ledger, tenant, account, wait, 0).await?;
            self.release_all(self.now()).await?;
        } else {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        Ok(false)
    }

    async fn through_the_gate(
        &mut self,
        calls: Vec<(usize, Todo)>,
        stop: &CancellationToken,
    ) -> Result<Option<Vec<(usize, Todo)>>, Stopped> {
        let wanted: u32 = calls.iter().map(|(_, todo)| cost(todo)).sum();
        let first = calls.first().map_or(1, |(_, todo)| cost(todo));
        if !self.permitted(wanted, first, stop).await? {
            return Ok(None);
        }
        let mut granted = Vec::new();
        for (at, todo) in calls {
            if self.permits < cost(&todo) {
                break;
            }
            self.permits -= cost(&todo);
            granted.push((at, todo));
        }
        Ok(Some(granted))
    }

    /// What a wave has shown of the account. `with`: what it was signed in with, at a carrier.
    pub(super) async fn after(&mut self, wave: Wave, with: Option<&str>) -> Result<(), Stopped> {
        let (ledger, tenant, account) = (self.outside.ledger.clone(), self.claim.tenant, self.claim.account);
        if let Some(why) = wave.credentials {
            tracing::error!(account = %account, why, "the account is paused");
            self.pause(&why, with).await?;
            shut_gate(&ledger, tenant, account, WHILE_PAUSED, 0).await?;
            // What the wave has shown is written down before its rows are given back.
            self.settle_what_is_decided().await?;
            return self.release_all(self.now()).await;
        }
        if let Some(after) = wave.throttled {
            self.permits = 0;
            block(&ledger, tenant, account, after.as_secs_f64()).await?;
            shut_gate(&ledger, tenant, account, after, 0).await?;
        }
        if wave.came_through > 0 && !self.came_through {
            self.came_through = true;
            open_gate(&ledger, tenant, account).await?;
        } else if wave.came_through == 0 && wave.came_to_nothing > 0 {
            self.came_through = false;
            let gate = shut_gate(&ledger, tenant, account, Duration::ZERO, 1).await?;
            if gate.failures >= FAILURES {
                let steps = u32::try_from(gate.failures - FAILURES).unwrap_or(0).min(10);
                let wait = Duration::from_secs(1 << steps).min(self.outside.settings.longest_shut);
                tracing::warn!(account = %account, failures = gate.failures, ?wait, "calls come to nothing; the account is left alone for a while");
                shut_gate(&ledger, tenant, account, wait, 0).await?;
                // What the wave has shown is written down before its rows are given back.
                self.settle_what_is_decided().await?;
                return self.release_all(self.now()).await;
            }
        }
        Ok(())
    }

    pub(super) async fn release_all(&mut self, due_at: Timestamp) -> Result<(), Stopped> {
        let account: Uuid = self.claim.account;
        let due = |working: &Working| working.not_before.map_or(due_at, |then| then.max(due_at));
        let rows: Vec<_> = self.desk.iter().map(|working| (working.row.row, due(working), account)).collect();
        release_due_work(&self.outside.ledger, &self.claim, &rows).await?;
        self.carried.given_back += rows.len();
        self.desk.clear();
        Ok(())
    }
}

fn ending(row: i32, status: DeviceChangeStatus, reason: &'static str, details: String) -> Ending {
    Ending { row, status, reason, details }
}
