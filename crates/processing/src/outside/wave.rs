//! One wave of calls: granted, meant, sent at the same time, and written down as their answers come.

use super::carry::{Carrying, Stopped};
use super::desk::{Todo, Working};
use super::look::{self, Blind, Found};
use super::read_back::{self, Whose};
use super::saga::{Attempt, Direction, Fate, Key, Resolution, Step};
use super::send::{Request, natural_key};
use super::told::key_of;
use super::{Place, decide::Look};
use database::outside::{NewIntent, Told, finish_intents, record_intents};
use domain::reason::Reason;
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, future::BoxFuture};
use integrations::answer::Answer;
use integrations::billing::rev_io::{Receipt, RevIo};
use integrations::{Outcome, Permit};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A send leaves this soon after its intent, or not at all: whoever slept in between may not be its owner any more.
const FRESH: Duration = Duration::from_secs(5);
/// Answers that are written down at a time, at most.
const AT_A_TIME: usize = 64;
/// A lease has to last for the call and so long besides.
const SPARE: Duration = Duration::from_secs(5);

/// What came back of one call.
enum Back {
    Sent { at: usize, key: Key, attempt: i16, outcome: Outcome<Receipt> },
    Looked { at: usize, look: Look, found: Result<Found, Blind> },
    Late { at: usize, found: Result<(Vec<i64>, Vec<(i64, i64)>), Blind> },
}

/// How the calls of a wave went.
#[derive(Default)]
pub(super) struct Wave {
    pub(super) came_through: u32,
    pub(super) came_to_nothing: u32,
    pub(super) throttled: Option<Duration>,
    pub(super) credentials: Option<String>,
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
        let begun = Instant::now();
        let flying: FuturesUnordered<BoxFuture<'static, Back>> = FuturesUnordered::new();
        let mut sends = Vec::new();
        for (at, todo) in calls {
            match todo {
                Todo::Send(key) => match self.request(at, key) {
                    Some(request) => sends.push((at, key, request)),
                    None => {}
                },
                Todo::Look(look) => flying.push(self.looking(client, at, look)),
                Todo::LookForLate => flying.push(self.looking_late(client, at)),
                _ => {}
            }
        }
        let meant = self.mean(&sends).await?;
        if !meant.is_empty() && self.outside.witness.dies_at(Place::AfterIntent) {
            return Err(Stopped::Died);
        }
        let mut unsent = Vec::new();
        for (at, key, request) in sends {
            let Some(attempt) = meant.iter().find(|(row, k, _)| *row == at && *k == key).map(|m| m.2) else { continue };
            if begun.elapsed() > FRESH {
                unsent.push(self.told(at, key, attempt, "NOT_SENT", None, "the worker had slept; it was not sent", "TRY_LATER"));
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
        let mut coming = flying.ready_chunks(AT_A_TIME);
        while let Some(backs) = coming.next().await {
            if backs.iter().any(|back| matches!(back, Back::Sent { .. })) && self.outside.witness.dies_at(Place::AfterCall) {
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
        Ok(wave)
    }

    /// The request of a write; one that cannot be made is refused without being sent.
    fn request(&mut self, at: usize, key: Key) -> Option<Request> {
        let working = self.desk.get_mut(at)?;
        let before = working.before(key);
        match Request::of(&working.row, key, working.line(), before.as_ref()) {
            Ok(request) => Some(request),
            Err(why) => {
                working.attention = Some(match key.direction {
                    Direction::Apply => (Reason::BillingRejected.word(), why.0.to_owned()),
                    Direction::Undo => (Reason::UndoNotDone.word(), why.0.to_owned()),
                });
                None
            }
        }
    }

    /// Commits what is about to be sent. Answers what may be.
    async fn mean(&mut self, sends: &[(usize, Key, Request)]) -> Result<Vec<(usize, Key, i16)>, Stopped> {
        let intents: Vec<NewIntent> = sends
            .iter()
            .filter_map(|(at, key, request)| {
                let working = self.desk.get(*at)?;
                Some(NewIntent {
                    key: key_of(working.row.row, *key),
                    attempt: working.saga.next_attempt(*key),
                    natural_key: natural_key(&working.row, *key, working.line()),
                    request_hash: request.hash(),
                    before_image: working.before(*key).filter(|_| key.direction == Direction::Apply),
                    effective_on: request.effective_on(),
                })
            })
            .collect();
        let settings = &self.outside.settings;
        let written =
            record_intents(&self.outside.ledger, &self.claim, settings.call_timeout + SPARE, settings.settle_for, &intents).await?;
        let mut meant = Vec::with_capacity(written.len());
        for (at, key, _) in sends {
            let Some(working) = self.desk.get_mut(*at) else { continue };
            let wanted = key_of(working.row.row, *key);
            match written.iter().find(|intent| intent.key == wanted) {
                Some(intent) => {
                    let number = working.saga.next_attempt(*key);
                    // A person's word is good for one send: what is refused once more is not sent for ever.
                    if working.saga.resolution == Some(Resolution::SendAgain) {
                        working.saga.resolution = None;
                    }
                    if let (Direction::Apply, Some(before)) = (key.direction, working.before(*key)) {
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
                Look::Adopt(key, id) => look::adopted(&client, Permit::granted(), &row, key, id).await,
                Look::Line(_, id) => look::line(&client, [Permit::granted(), Permit::granted()], id).await,
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

    /// What an answer means for its row.
    async fn hear(&mut self, back: Back, wave: &mut Wave) -> Result<Option<Told>, Stopped> {
        let now = self.now();
        let whose = Whose { tenant: self.claim.tenant, bulk_change: self.claim.bulk_change.0, account: self.claim.account };
        Ok(match back {
            Back::Sent { at, key, attempt, outcome } => {
                let (outcome_word, reference, evidence) = self.weigh(at, outcome.answer, wave, now);
                let mut told = self.told(at, key, attempt, outcome_word, reference, &evidence, outcome_word);
                told.request = Some(outcome.exchange.request);
                told.response = outcome.exchange.response;
                Some(told)
            }
            Back::Looked { at, look, found } => match (look, self.heard(at, found, wave, now)) {
                (_, None) => None,
                (Look::Line(step, id), Some(Found::Line(line, products))) => {
                    let account = whose.account;
                    if let Some(working) = self.desk.get_mut(at) {
                        working.saga.lines.insert(id, line);
                        if step == Step::OpenRevService {
                            working.brought = products
                                .into_iter()
                                .map(|mut product| {
                                    product["account"] = serde_json::json!(account);
                                    product
                                })
                                .collect();
                        }
                    }
                    None
                }
                (Look::Adopt(key, id), Some(Found::These(found))) if found.is_empty() => {
                    if let Some(working) = self.desk.get_mut(at) {
                        working.attention = Some((
                            Reason::OutcomeUnknown.word(),
                            format!("{id} at Rev.io is not {}; look again, or name another.", super::explain::what(key)),
                        ));
                    }
                    None
                }
                (Look::Back(key) | Look::Adopt(key, _), Some(found)) => match self.desk.get_mut(at) {
                    Some(working) => read_back::meaning(&self.outside.ledger, whose, working, key, found, now).await?,
                    None => None,
                },
                (Look::Line(..), Some(_)) => None,
            },
            Back::Late { at, found } => {
                if let Some(found) = self.heard(at, found, wave, now)
                    && let Some(working) = self.desk.get_mut(at)
                {
                    let done = working.row.sweeps.and_then(|done| usize::try_from(done).ok()).unwrap_or(0);
                    let is_last = done + 1 >= self.outside.settings.sweeps.len();
                    read_back::late(&self.outside.ledger, whose, working, found, is_last).await?;
                }
                None
            }
        })
    }

    fn weigh(
        &mut self,
        at: usize,
        answer: Answer<Receipt>,
        wave: &mut Wave,
        now: Timestamp,
    ) -> (&'static str, Option<i64>, String) {
        match answer {
            Answer::Done(receipt) => {
                wave.came_through += 1;
                ("DONE", Some(receipt.id), String::new())
            }
            Answer::Refused(refusal) => {
                wave.came_through += 1;
                let code = refusal.code.map(|code| format!("{code}: ")).unwrap_or_default();
                ("REFUSED", None, format!("{code}{}", refusal.message))
            }
            Answer::TryLater { after, why } => {
                if why.is_an_attempt() {
                    wave.came_to_nothing += 1;
                } else {
                    wave.throttled = wave.throttled.max(Some(after));
                }
                self.wait(at, now, after);
                ("NOT_SENT", None, format!("{why:?}"))
            }
            Answer::CredentialsRefused { status, message } => {
                wave.credentials = Some(format!("Rev.io refused the credentials ({status}): {message}"));
                ("NOT_SENT", None, format!("status {status}: {message}"))
            }
            Answer::Unknown { why } => {
                wave.came_to_nothing += 1;
                ("UNKNOWN", None, why.to_string())
            }
        }
    }

    /// What a look has found, if it has found anything.
    fn heard<T>(&mut self, at: usize, found: Result<T, Blind>, wave: &mut Wave, now: Timestamp) -> Option<T> {
        match found {
            Ok(found) => {
                wave.came_through += 1;
                Some(found)
            }
            Err(Blind::Throttled(after)) => {
                wave.throttled = wave.throttled.max(Some(after));
                self.wait(at, now, after);
                None
            }
            Err(Blind::Credentials(why)) => {
                wave.credentials = Some(format!("Rev.io refused the credentials ({why})"));
                None
            }
            Err(Blind::Later(after, why)) => {
                wave.came_to_nothing += 1;
                let blind_for = self.outside.settings.blind_for;
                if let Some(working) = self.desk.get_mut(at)
                    && let Some(since) = working.unknown_since()
                    && now.duration_since(since) > signed(blind_for)
                {
                    working.attention = Some((
                        Reason::OutcomeUnknown.word(),
                        format!("Rev.io could not be asked since {since}: {why}"),
                    ));
                } else {
                    self.wait(at, now, after);
                }
                None
            }
        }
    }

    fn wait(&mut self, at: usize, now: Timestamp, after: Duration) {
        if let Some(working) = self.desk.get_mut(at) {
            working.not_before = Some(now + signed(after));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a column of what is written down")]
    fn told(
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
        }
    }

    /// Writes down what has come, and takes it into account as it was written.
    async fn write_down(&mut self, told: Vec<Told>) -> Result<(), Stopped> {
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
