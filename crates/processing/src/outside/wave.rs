//! One wave of calls: granted, meant, sent at the same time, and written down as their answers come.

use super::carry::{Carrying, Stopped};
use super::desk::{Todo, Working};
use super::look::{self, Blind, Found, Leftovers};
use super::read_back;
use super::saga::{Attempt, Awaited, Direction, Fate, Key, Resolution};
use super::send::{Request, natural_key};
use super::told::key_of;
use super::{Place, decide::Look};
use database::outside::{NewIntent, Told, finish_intents, note_blind, note_found_over, record_intents};
use domain::reason::Reason;
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, future::BoxFuture};
use integrations::billing::rev_io::{Receipt, RevIo};
use integrations::{Outcome, Permit};
use jiff::SignedDuration;
use jiff::civil::Date;
use std::sync::Arc;
use std::time::Duration;

/// A send leaves this soon after its intent, or not at all: whoever slept in between may not be its owner any more.
pub(super) const FRESH: Duration = Duration::from_secs(5);
/// Answers that are written down at a time, at most.
const AT_A_TIME: usize = 64;
/// After the first answer others are waited for so long, to be written down with it: a commit for each would cost more than the calls.
const TOGETHER: Duration = Duration::from_millis(40);

/// What came back of one call.
pub(super) enum Back {
    Sent { at: usize, key: Key, attempt: i16, outcome: Outcome<Receipt> },
    Looked { at: usize, look: Look, found: Result<Found, Blind> },
    Late { at: usize, found: Result<Leftovers, Blind> },
}

/// A write that is about to be sent.
pub(super) struct Meant {
    pub(super) at: usize,
    pub(super) key: Key,
    pub(super) natural_key: String,
    pub(super) hash: [u8; 32],
    pub(super) effective_on: Option<Date>,
}

/// The next answers: the first, and those that come right after it. None: there are no more.
pub(super) async fn gather<T>(flying: &mut FuturesUnordered<BoxFuture<'static, T>>) -> Option<Vec<T>> {
    let mut backs = vec![flying.next().await?];
    let mut together = std::pin::pin!(tokio::time::sleep(TOGETHER));
    while backs.len() < AT_A_TIME {
        tokio::select! {
            biased;
            back = flying.next() => match back {
                Some(back) => backs.push(back),
                None => break,
            },
            () = &mut together => break,
        }
    }
    Some(backs)
}

/// How the calls of a wave went.
#[derive(Default)]
pub(super) struct Wave {
    pub(super) came_through: u32,
    pub(super) came_to_nothing: u32,
    pub(super) throttled: Option<Duration>,
    pub(super) credentials: Option<String>,
    /// Lines to be closed that were found to be over.
    pub(super) over: Vec<(i32, i64)>,
    /// Rows of which something could not be read, and could again.
    pub(super) blind: Vec<i32>,
    pub(super) sees_again: Vec<i32>,
}

/// How many requests a call is.
pub(super) const fn cost(todo: &Todo) -> u32 {
    match todo {
        Todo::Look(Look::Line(..)) | Todo::LookForLate => 2,
        _ => 1,
    }
}

impl Carrying<'_> {
    /// Makes the calls, for which there are permits.
    pub(super) async fn wave(&mut self, client: &Arc<RevIo>, calls: Vec<(usize, Todo)>) -> Result<Wave, Stopped> {
        let begun = super::moment();
        let mut flying: FuturesUnordered<BoxFuture<'static, Back>> = FuturesUnordered::new();
        let mut sends = Vec::new();
        for (at, todo) in calls {
            match todo {
                Todo::Send(key) => sends.extend(self.request(at, key).map(|request| (at, key, request))),
                Todo::Look(look) => flying.push(self.looking(client, at, look)),
                Todo::LookForLate => flying.push(self.looking_late(client, at)),
                _ => {}
            }
        }
        let to_mean: Vec<Meant> = sends
            .iter()
            .filter_map(|(at, key, request)| {
                let working = self.desk.get(*at)?;
                let natural_key = natural_key(&working.row, *key, working.line());
                let (hash, effective_on) = (request.hash(), request.effective_on());
                Some(Meant { at: *at, key: *key, natural_key, hash, effective_on })
            })
            .collect();
        let meant = self.mean(&to_mean, self.outside.settings.settle_for).await?;
        if !meant.is_empty() && self.outside.witness.dies_at(Place::AfterIntent) {
            return Err(Stopped::Died);
        }
        let mut unsent = Vec::new();
        for (at, key, request) in sends {
            let Some(attempt) = meant.iter().find(|(row, k, _)| *row == at && *k == key).map(|m| m.2) else { continue };
            if begun.elapsed() > FRESH {
                unsent.push(self.told(
                    at,
                    key,
                    attempt,
                    "NOT_SENT",
                    None,
                    "the worker had slept; it was not sent",
                    "TRY_LATER",
                ));
                continue;
            }
            let client = Arc::clone(client);
            flying.push(Box::pin(async move {
                let outcome = request.send(&client, Permit::granted()).await;
                Back::Sent { at, key, attempt, outcome }
            }));
        }
        let mut wave = Wave::default();
        self.write_down(unsent).await?;
        while let Some(backs) = gather(&mut flying).await {
            if backs.iter().any(|back| matches!(back, Back::Sent { .. }))
                && self.outside.witness.dies_at(Place::AfterCall)
            {
                return Err(Stopped::Died);
            }
            let mut told = Vec::new();
            for back in backs {
                told.extend(self.hear(back, &mut wave).await?);
            }
            let any = !told.is_empty();
            self.write_down(told).await?;
            if any && self.outside.witness.dies_at(Place::AfterRecord) {
                return Err(Stopped::Died);
            }
        }
        note_found_over(&self.outside.ledger, &self.claim, &wave.over).await?;
        self.note_sight(&wave).await?;
        Ok(wave)
    }

    /// Of which rows something could not be read, and of which it could again.
    pub(super) async fn note_sight(&self, wave: &Wave) -> Result<(), Stopped> {
        let ledger = &self.outside.ledger;
        note_blind(ledger, &self.claim, &wave.blind, true).await?;
        Ok(note_blind(ledger, &self.claim, &wave.sees_again, false).await?)
    }

    /// The request of a write; one that cannot be made is refused without being sent.
    fn request(&mut self, at: usize, key: Key) -> Option<Request> {
        let working = self.desk.get_mut(at)?;
        let before = working.before(key);
        match Request::of(&working.row, key, working.line(), before.as_ref()) {
            Ok(request) => Some(request),
            Err(why) => {
                working.attention = Some(match key.direction {
                    Direction::Apply => (super::explain::rejected(key).word(), why.0.to_owned()),
                    Direction::Undo => (Reason::UndoNotDone.word(), why.0.to_owned()),
                });
                None
            }
        }
    }

    /// Commits what is about to be sent. Answers what may be.
    pub(super) async fn mean(
        &mut self,
        sends: &[Meant],
        settle_for: Duration,
    ) -> Result<Vec<(usize, Key, i16)>, Stopped> {
        let intents: Vec<NewIntent> = sends
            .iter()
            .filter_map(|meant| {
                let working = self.desk.get(meant.at)?;
                Some(NewIntent {
                    key: key_of(working.row.row, meant.key),
                    attempt: working.saga.next_attempt(meant.key),
                    natural_key: meant.natural_key.clone(),
                    request_hash: meant.hash,
                    before_image: working.before_sending(meant.key),
                    effective_on: meant.effective_on,
                })
            })
            .collect();
        let settings = &self.outside.settings;
        let written = record_intents(
            &self.outside.ledger,
            &self.claim,
            settings.call_timeout + settings.spare,
            settle_for,
            &intents,
        )
        .await?;
        let mut meant = Vec::with_capacity(written.len());
        for Meant { at, key, .. } in sends {
            let Some(working) = self.desk.get_mut(*at) else { continue };
            let wanted = key_of(working.row.row, *key);
            match written.iter().find(|intent| intent.key == wanted) {
                Some(intent) => {
                    let number = working.saga.next_attempt(*key);
                    // A person's word is good for one send: what is refused once more is not sent for ever.
                    if working.saga.resolution == Some(Resolution::SendAgain) {
                        working.saga.resolution = None;
                    }
                    if let Some(before) = working.before_sending(*key) {
                        working.before.insert(*key, before);
                    }
                    working.saga.attempts.push(Attempt {
                        key: *key,
                        number,
                        fate: Fate::Open,
                        was_unknown: false,
                        began_at: intent.began_at,
                        settle_until: intent.settle_until,
                        evidence: String::new(),
                        awaited: Awaited {
                            plan_before: super::at_carrier::plan_before(working.before.get(key)),
                            ..Awaited::default()
                        },
                    });
                    meant.push((*at, *key, number));
                }
                // Not ours any more, or somebody means the same already: whoever has the row looks for himself.
                None => self.lost.push(working.row.row),
            }
        }
        Ok(meant)
    }

    fn looking(&self, client: &Arc<RevIo>, at: usize, what: Look) -> BoxFuture<'static, Back> {
        let client = Arc::clone(client);
        let Some(working) = self.desk.get(at) else {
            return Box::pin(async move { Back::Looked { at, look: what, found: Ok(Found::These(Vec::new())) } });
        };
        let (row, line) = (working.row.clone(), working.line());
        let before = match what {
            Look::Back(key) => working.before(key),
            _ => None,
        };
        Box::pin(async move {
            let found = match what {
                Look::Back(key) => look::back(&client, Permit::granted(), &row, key, line, before.as_ref()).await,
                Look::Adopt(key, id) => look::adopted(&client, Permit::granted(), &row, key, line, id).await,
                Look::Line(_, id) => look::line(&client, [Permit::granted(), Permit::granted()], id).await,
                // Never asked at Rev.io: the step's gate is the carrier's.
                Look::Device(_) => Ok(Found::These(Vec::new())),
            };
            Back::Looked { at, look: what, found }
        })
    }

    fn looking_late(&self, client: &Arc<RevIo>, at: usize) -> BoxFuture<'static, Back> {
        let client = Arc::clone(client);
        let Some(working) = self.desk.get(at) else {
            return Box::pin(async move { Back::Late { at, found: Ok((Vec::new(), Vec::new())) } });
        };
        let (row, line) = (working.row.clone(), working.line());
        Box::pin(async move {
            let found = look::late(&client, [Permit::granted(), Permit::granted()], &row, line).await;
            Back::Late { at, found }
        })
    }

    pub(super) fn told(
        &self,
        at: usize,
        key: Key,
        attempt: i16,
        outcome: &'static str,
        reference: Option<i64>,
        evidence: &str,
        log_status: &'static str,
    ) -> Told {
        let row = self.desk.get(at).map_or(0, |working: &Working| working.row.row);
        Told {
            key: key_of(row, key),
            attempt,
            outcome,
            reference,
            evidence: Some(evidence.to_owned()),
            log_status,
            request: None,
            response: None,
            request_id: None,
            shown: None,
        }
    }

    /// Writes down what has come, and takes it into account as it was written.
    pub(super) async fn write_down(&mut self, told: Vec<Told>) -> Result<(), Stopped> {
        if told.is_empty() {
            return Ok(());
        }
        let kept = finish_intents(&self.outside.ledger, &self.claim, &told).await?;
        for told in told {
            let Some(working) = self.desk.iter_mut().find(|working| working.row.row == told.key.row) else { continue };
            match kept.iter().find(|(key, _)| *key == told.key) {
                Some((_, outcome)) => {
                    let key = Key::from_words(told.key.step, told.key.direction, told.key.call, told.key.item);
                    if let Some(key) = key {
                        let evidence = told.evidence.as_deref().unwrap_or_default();
                        read_back::take_down(working, key, outcome, told.reference, evidence);
                        if told.request_id.is_some() {
                            working.accepted(key);
                        }
                    }
                }
                None => self.lost.push(told.key.row),
            }
        }
        Ok(())
    }
}

pub(super) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
