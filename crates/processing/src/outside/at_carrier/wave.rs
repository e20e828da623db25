//! One round of calls at a carrier: signed in, granted, meant, sent at the same time, and written down as their answers come.

use super::super::account::AccountTrouble;
use super::super::carry::{Carrying, Stopped};
use super::super::decide::Look;
use super::super::desk::Todo;
use super::super::explain::rejected;
use super::super::saga::{Direction, Key};
use super::super::wave::{FRESH, Meant, Wave, gather, signed};
use super::super::{Place, moment};
use super::batch::{Call, calls, hash};
use super::calls::Calls;
use super::natural_key;
use database::outside::note_looked;
use domain::reason::Reason;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use integrations::Permit;
use integrations::answer::{Answer, Outcome, Postponed, SignInPart};
use integrations::carriers::{Batch, Carrier, Device, Taken};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a claim whose sign-in could not be renewed is left alone.
const WHILE_NOT_SIGNED_IN: Duration = Duration::from_secs(60);

/// What came back of one call.
pub(super) enum Back {
    /// Rows, each with its write and attempt.
    Sent(Vec<(usize, Key, i16)>, Outcome<Taken>),
    /// Rows, each with what was looked for.
    Read(Vec<(usize, Look)>, Answer<Vec<Device>>),
}

/// What a round has shown.
pub(super) struct Shared {
    pub(super) wave: Wave,
    pub(super) carrier: Arc<Carrier>,
    /// A part of the sign-in that has run out.
    pub(super) lapsed: Option<SignInPart>,
    /// Rows that are over, and whose SIMs another row has done something to since.
    pub(super) done_since: Vec<i32>,
    /// Rows that were read back and are not told yet, with the call.
    pub(super) looked: Vec<(i32, &'static str)>,
}

impl Carrying<'_> {
    /// Are these rows at the gate of their carrier? All rows of a change have the same one.
    pub(in super::super) fn is_at_carrier(&self) -> bool {
        self.desk.first().is_some_and(|working| working.row.at_carrier.service_provider == self.claim.account)
    }

    /// One round. False: the claim has been given back.
    pub(in super::super) async fn carrier_round(
        &mut self,
        todos: Vec<(usize, Todo)>,
        stop: &CancellationToken,
    ) -> Result<bool, Stopped> {
        if self.carrier.is_none() && !self.open_carrier().await? {
            return Ok(false);
        }
        let Some(mut calling) = self.carrier.take() else { return Ok(false) };
        let went_on = self.round(&mut calling, todos, stop).await;
        self.carrier = Some(calling);
        went_on
    }

    async fn round(
        &mut self,
        calling: &mut Calls,
        todos: Vec<(usize, Todo)>,
        stop: &CancellationToken,
    ) -> Result<bool, Stopped> {
        if let Some(part) = calling.lacks() {
            return self.renew(calling, part, stop).await;
        }
        let now = self.now();
        let (calls, refused) = calls(&self.desk, todos, &calling.carrier.capabilities());
        for (at, key, why) in refused {
            if let Some(working) = self.desk.get_mut(at) {
                let reason = match key.direction {
                    Direction::Apply => rejected(key),
                    Direction::Undo => Reason::UndoNotDone,
                };
                working.attention = Some((reason.word(), why.0.to_owned()));
            }
        }
        if calls.is_empty() {
            // What cannot be called is a person's by now; with anything else this would go round for ever.
            for working in self.desk.iter_mut().filter(|working| working.attention.is_none()) {
                working.not_before = Some(now + signed(WHILE_NOT_SIGNED_IN));
            }
            return Ok(true);
        }
        let wanted = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        if !self.permitted(wanted, 1, stop).await? {
            return Ok(!self.desk.is_empty());
        }
        let mut granted = calls;
        granted.truncate(usize::try_from(self.permits).unwrap_or(usize::MAX));
        self.permits -= u32::try_from(granted.len()).unwrap_or(self.permits);
        let shared = self.carrier_wave(calling, granted).await?;
        if shared.wave.came_through > 0 {
            calling.worked();
        }
        let mut wave = shared.wave;
        if let Some(part) = shared.lapsed {
            let (ledger, tenant) = (self.outside.ledger.clone(), self.claim.tenant);
            let with = self.outside.accounts.carriers();
            let goes_on = match with {
                Some(with) => calling.lapsed(&ledger, &with, tenant, part).await,
                None => Ok(true),
            };
            if !self.in_order(goes_on).await?.unwrap_or(true) {
                wave.credentials = Some(format!("the {} was renewed and is turned away all the same", part.word()));
            }
        }
        let signed_with = calling.signed_with.clone();
        self.after(wave, Some(&signed_with)).await?;
        Ok(true)
    }

    async fn open_carrier(&mut self) -> Result<bool, Stopped> {
        let Some(with) = self.outside.accounts.carriers() else {
            let why = "this process calls no carriers".to_owned();
            self.in_order::<()>(Err(AccountTrouble::NotHere(why))).await?;
            return Ok(false);
        };
        let (ledger, whose) = (self.outside.ledger.clone(), (self.claim.tenant, self.claim.account));
        let opened = Calls::open(&ledger, &with, whose).await;
        self.carrier = self.in_order(opened).await?;
        Ok(self.carrier.is_some())
    }

    /// The part that is missing, or has run out, is got anew: one call.
    async fn renew(
        &mut self,
        calling: &mut Calls,
        part: SignInPart,
        stop: &CancellationToken,
    ) -> Result<bool, Stopped> {
        let (ledger, tenant) = (self.outside.ledger.clone(), self.claim.tenant);
        let may = calling.may_renew(&ledger, tenant).await;
        match self.in_order(may).await? {
            None => return Ok(false),
            Some(false) => {
                tracing::warn!(account = %self.claim.account, "the sign-in could not be renewed, or other credentials were written");
                self.release_all(self.now() + signed(WHILE_NOT_SIGNED_IN)).await?;
                return Ok(false);
            }
            Some(true) => {}
        }
        if !self.permitted(1, 1, stop).await? {
            return Ok(!self.desk.is_empty());
        }
        self.permits -= 1;
        calling.renews();
        let mut wave = Wave::default();
        match calling.carrier.renew(Permit::granted(), &calling.sign_in).await.answer {
            Answer::Done(sign_in) => {
                wave.came_through += 1;
                let kept = match self.outside.accounts.carriers() {
                    Some(with) => calling.renewed(&ledger, &with, tenant, (part, sign_in)).await,
                    None => Ok(()),
                };
                if self.in_order(kept).await?.is_none() {
                    return Ok(false);
                }
            }
            Answer::CredentialsRefused { status, message } => {
                wave.credentials = Some(format!("the carrier refused the credentials ({status}): {message}"));
            }
            Answer::Refused(refusal) => {
                wave.credentials = Some(format!("the carrier refused to sign us in: {}", refusal.message));
            }
            Answer::TryLater { why: Postponed::SignInLapsed(other), .. } => {
                let goes_on = match self.outside.accounts.carriers() {
                    Some(with) => calling.lapsed(&ledger, &with, tenant, other).await,
                    None => Ok(true),
                };
                if !self.in_order(goes_on).await?.unwrap_or(true) {
                    wave.credentials =
                        Some(format!("the {} was renewed and is turned away all the same", other.word()));
                }
            }
            Answer::TryLater { after, why } if !why.is_an_attempt() => wave.throttled = Some(after),
            Answer::TryLater { .. } | Answer::Unknown { .. } => wave.came_to_nothing += 1,
        }
        let signed_with = calling.signed_with.clone();
        self.after(wave, Some(&signed_with)).await?;
        Ok(true)
    }

    async fn carrier_wave(&mut self, calling: &Calls, calls: Vec<Call>) -> Result<Shared, Stopped> {
        let begun = moment();
        let mut flying: FuturesUnordered<BoxFuture<'static, Back>> = FuturesUnordered::new();
        let (mut batches, mut to_mean) = (Vec::new(), Vec::new());
        for call in calls {
            let (carrier, sign_in) = (Arc::clone(&calling.carrier), calling.sign_in.clone());
            match call {
                Call::Read(rows) => flying.push(Box::pin(async move {
                    let devices: Vec<_> = rows.iter().map(|(_, _, device)| device.clone()).collect();
                    let answer = match devices.as_slice() {
                        [one] => carrier.device(Permit::granted(), &sign_in, one).await.answer,
                        many => carrier.devices_of(Permit::granted(), &sign_in, many).await.answer,
                    };
                    Back::Read(rows.into_iter().map(|(at, look, _)| (at, look)).collect(), answer)
                })),
                Call::Send(change, rows) => {
                    to_mean.extend(rows.iter().filter_map(|(at, key, device)| {
                        let natural_key = natural_key(&self.desk.get(*at)?.row.iccid);
                        let hash = hash(&change, device);
                        Some(Meant { at: *at, key: *key, natural_key, hash, effective_on: None })
                    }));
                    batches.push((change, rows));
                }
            }
        }
        let meant = self.mean(&to_mean, self.outside.settings.carrier_settle_for).await?;
        if !meant.is_empty() && self.outside.witness.dies_at(Place::AfterIntent) {
            return Err(Stopped::Died);
        }
        let mut unsent = Vec::new();
        for (change, rows) in batches {
            let number = |at: usize, key: Key| meant.iter().find(|(m, k, _)| (*m, *k) == (at, key)).map(|m| m.2);
            let ours: Vec<_> =
                rows.into_iter().filter_map(|(at, key, device)| Some((at, key, number(at, key)?, device))).collect();
            if ours.is_empty() {
                continue;
            }
            if begun.elapsed() > FRESH {
                unsent.extend(ours.iter().map(|(at, key, attempt, _)| {
                    let why = "the worker had slept; it was not sent";
                    self.told(*at, *key, *attempt, "NOT_SENT", None, why, "TRY_LATER")
                }));
                continue;
            }
            let (carrier, sign_in) = (Arc::clone(&calling.carrier), calling.sign_in.clone());
            flying.push(Box::pin(async move {
                let devices = ours.iter().map(|(_, _, _, device)| device.clone()).collect();
                let outcome = carrier.send(Permit::granted(), &sign_in, &Batch { change, devices }).await;
                Back::Sent(ours.into_iter().map(|(at, key, attempt, _)| (at, key, attempt)).collect(), outcome)
            }));
        }
        self.write_down(unsent).await?;
        let mut shared = Shared {
            wave: Wave::default(),
            carrier: Arc::clone(&calling.carrier),
            lapsed: None,
            done_since: Vec::new(),
            looked: Vec::new(),
        };
        while let Some(backs) = gather(&mut flying).await {
            let is_send = |back: &Back| matches!(back, Back::Sent(..));
            if backs.iter().any(is_send) && self.outside.witness.dies_at(Place::AfterCall) {
                return Err(Stopped::Died);
            }
            let mut told = Vec::new();
            for back in backs {
                told.extend(self.hear_carrier(back, &mut shared).await?);
            }
            let any = !told.is_empty();
            self.write_down(told).await?;
            if any && self.outside.witness.dies_at(Place::AfterRecord) {
                return Err(Stopped::Died);
            }
        }
        let ledger = &self.outside.ledger;
        let (rows, calls): (Vec<i32>, Vec<&'static str>) = shared.looked.iter().copied().unzip();
        note_looked(ledger, &self.claim, &rows, &calls).await?;
        self.note_sight(&shared.wave).await?;
        Ok(shared)
    }
}
