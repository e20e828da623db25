//! What a carrier's answers mean for the rows that were in the call.

use super::super::carry::{Carrying, Stopped};
use super::super::decide::{Look, Noted};
use super::super::desk::Late;
use super::super::explain;
use super::super::look::is_an_answer;
use super::super::saga::{Direction, Fate, Key, WAS_SO, Write};
use super::super::wave::{Meant, Wave, signed};
use super::batch::before_of;
use super::wave::{Back, Shared};
use super::{before, change, device_of, natural_key};
use database::outside::{Heard, Told, done_since_at_carrier};
use domain::reason::Reason;
use integrations::answer::{Answer, Postponed, Refusal};
use integrations::carriers::meaning::{Asked, Meaning, Receipt, Strange, meaning};
use integrations::carriers::{CallbackWord, CarrierKind, Concerns, Device, DeviceAnswer, Taken};
use integrations::{Exchange, Outcome};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// Of a request or a response that is about many SIMs, so much is kept with each of them.
const KEPT_OF_MANY: usize = 400;
/// How long to wait after a read that tells nothing.
const AGAIN: Duration = Duration::from_secs(60);

impl Carrying<'_> {
    /// What has come of a call.
    pub(super) async fn hear_carrier(&mut self, back: Back, shared: &mut Shared) -> Result<Vec<Told>, Stopped> {
        Ok(match back {
            Back::Sent(rows, outcome) => self.sent(&rows, outcome, shared),
            Back::Read(rows, answer) => match self.read(&rows, answer, shared) {
                Some(devices) => {
                    let is_alone = rows.len() == 1;
                    shared.done_since = self.done_since(&rows).await?;
                    rows.into_iter().filter_map(|(at, look)| self.shown(at, look, &devices, is_alone, shared)).collect()
                }
                None => Vec::new(),
            },
        })
    }

    fn sent(&mut self, rows: &[(usize, Key, i16)], outcome: Outcome<Taken>, shared: &mut Shared) -> Vec<Told> {
        let Outcome { answer, exchange } = outcome;
        let wave = &mut shared.wave;
        let all = |this: &Self, outcome: &'static str, evidence: &str, log: &'static str| -> Vec<Told> {
            rows.iter().map(|(at, key, attempt)| this.told(*at, *key, *attempt, outcome, None, evidence, log)).collect()
        };
        let mut told = match answer {
            Answer::Done(Taken::Accepted { request_id }) => {
                wave.came_through += 1;
                let mut told = all(self, "UNKNOWN", &format!("accepted as request {request_id}"), "ACCEPTED");
                told.iter_mut().for_each(|told| told.request_id = Some(request_id.clone()));
                told
            }
            Answer::Done(Taken::Answered(answers)) => {
                wave.came_through += 1;
                self.answered(rows, &answers)
            }
            Answer::Refused(refusal) => {
                wave.came_through += 1;
                return self.batch_refused(rows, &refusal, &exchange, shared);
            }
            Answer::TryLater { why: Postponed::SignInLapsed(part), .. } => {
                shared.lapsed = Some(part);
                all(self, "NOT_SENT", "the sign-in had run out", "TRY_LATER")
            }
            Answer::TryLater { after, why } => {
                self.postponed(rows.iter().map(|(at, _, _)| *at), after, &why, wave);
                all(self, "NOT_SENT", &format!("{why:?}"), "NOT_SENT")
            }
            Answer::CredentialsRefused { status, message } => {
                wave.credentials = Some(format!("the carrier refused the credentials ({status}): {message}"));
                all(self, "NOT_SENT", &format!("status {status}: {message}"), "NOT_SENT")
            }
            Answer::Unknown { why } => {
                wave.came_to_nothing += 1;
                all(self, "UNKNOWN", &why.to_string(), "UNKNOWN")
            }
        };
        keep(&mut told, &exchange);
        told
    }

    /// Each SIM's own answer; of one that is not named nothing is known, and one that is said to be done is read all the same.
    fn answered(&self, rows: &[(usize, Key, i16)], answers: &[(String, DeviceAnswer)]) -> Vec<Told> {
        let of = |at: usize| {
            let iccid = self.desk.get(at).map(|working| working.row.iccid.trim())?;
            answers.iter().find(|(key, _)| key.trim() == iccid).map(|(_, answer)| answer)
        };
        let told = rows.iter().map(|(at, key, attempt)| match of(*at) {
            Some(DeviceAnswer::Refused(refusal)) => {
                self.told(*at, *key, *attempt, "REFUSED", None, &words(refusal), "REFUSED")
            }
            Some(DeviceAnswer::Done) => {
                self.told(*at, *key, *attempt, "UNKNOWN", None, "answered as done; to be read back", "UNKNOWN")
            }
            None => self.told(*at, *key, *attempt, "UNKNOWN", None, "the answer does not name the SIM", "UNKNOWN"),
        });
        told.collect()
    }

    /// A request that was refused as a whole has done nothing. Where one SIM may be the reason, the halves are sent.
    fn batch_refused(
        &mut self,
        rows: &[(usize, Key, i16)],
        refusal: &Refusal,
        exchange: &Exchange,
        shared: &mut Shared,
    ) -> Vec<Told> {
        let concerns = shared.carrier.cause(refusal).concerns();
        let (outcome, log) = match (concerns, rows.len()) {
            (Concerns::Account, _) => {
                shared.wave.credentials = Some(format!("the carrier will not, for this account: {}", words(refusal)));
                ("NOT_SENT", "NOT_SENT")
            }
            (Concerns::Device, 2..) => {
                for (at, _, _) in rows {
                    if let Some(working) = self.desk.get_mut(*at) {
                        working.most_together = rows.len().div_ceil(2);
                    }
                }
                ("NOT_SENT", "NOT_SENT")
            }
            _ => ("REFUSED", "REFUSED"),
        };
        let words = match outcome {
            "REFUSED" => words(refusal),
            _ => format!("refused with {} others, and sent again apart: {}", rows.len() - 1, words(refusal)),
        };
        let told = rows.iter().map(|(at, key, attempt)| self.told(*at, *key, *attempt, outcome, None, &words, log));
        let mut told: Vec<Told> = told.collect();
        keep(&mut told, exchange);
        told
    }

    fn postponed(&mut self, rows: impl Iterator<Item = usize>, after: Duration, why: &Postponed, wave: &mut Wave) {
        if why.is_an_attempt() {
            wave.came_to_nothing += 1;
        } else {
            wave.throttled = wave.throttled.max(Some(after));
        }
        let now = self.now();
        for at in rows {
            if let Some(working) = self.desk.get_mut(at) {
                working.not_before = Some(now + signed(after));
            }
        }
    }

    /// What a list has shown, if it has shown anything.
    fn read(
        &mut self,
        rows: &[(usize, Look)],
        answer: Answer<Vec<Device>>,
        shared: &mut Shared,
    ) -> Option<Vec<Device>> {
        let ats = || rows.iter().map(|(at, _)| *at);
        match answer {
            Answer::Done(devices) => {
                shared.wave.came_through += 1;
                return Some(devices);
            }
            Answer::TryLater { why: Postponed::SignInLapsed(part), .. } => shared.lapsed = Some(part),
            Answer::CredentialsRefused { status, message } => {
                shared.wave.credentials = Some(format!("the carrier refused the credentials ({status}): {message}"));
            }
            Answer::Refused(refusal) if shared.carrier.cause(&refusal).concerns() == Concerns::Account => {
                shared.wave.credentials = Some(format!("the carrier will not, for this account: {}", words(&refusal)));
            }
            // The list is not as we take it, or what it says cannot be read: each SIM by itself, and later if that is no better.
            Answer::Refused(_) | Answer::Unknown { .. } if rows.len() > 1 => self.apart(rows, shared),
            Answer::TryLater { why: Postponed::ReadFailed(trouble), .. }
                if rows.len() > 1 && is_an_answer(&trouble) =>
            {
                self.apart(rows, shared);
            }
            Answer::TryLater { why: Postponed::ReadFailed(trouble), .. } if is_an_answer(&trouble) => {
                self.blind(rows, &trouble.to_string(), shared);
            }
            Answer::TryLater { after, why } => self.postponed(ats(), after, &why, &mut shared.wave),
            Answer::Refused(refusal) => self.blind(rows, &words(&refusal), shared),
            Answer::Unknown { why } => self.blind(rows, &why.to_string(), shared),
        }
        None
    }

    /// Each of these is asked for by itself from now on.
    fn apart(&mut self, rows: &[(usize, Look)], shared: &mut Shared) {
        // The carrier answers: nothing is wrong with the way to it.
        shared.wave.came_through += 1;
        for (at, _) in rows {
            if let Some(working) = self.desk.get_mut(*at) {
                working.is_read_alone = true;
            }
        }
    }

    /// A SIM that cannot be read: later, and a person's after a day.
    fn blind(&mut self, rows: &[(usize, Look)], why: &str, shared: &mut Shared) {
        shared.wave.came_to_nothing += 1;
        let (now, blind_for) = (self.now(), signed(self.outside.settings.blind_for));
        for (at, _) in rows {
            let Some(working) = self.desk.get_mut(*at) else { continue };
            let since = working.unknown_since().into_iter().chain(working.row.blind_since).min();
            match since {
                Some(since) if now.duration_since(since) > blind_for => {
                    let details = format!("The SIM could not be read at its carrier since {since}: {why}");
                    working.attention = Some((Reason::OutcomeUnknown.word(), details));
                }
                _ => {
                    if working.row.blind_since.is_none() {
                        working.row.blind_since = Some(now);
                        shared.wave.blind.push(working.row.row);
                    }
                    working.not_before = Some(now + signed(AGAIN));
                }
            }
        }
    }

    /// Rows that are over and not done, and whose SIMs another row has done something to since.
    async fn done_since(&self, rows: &[(usize, Look)]) -> Result<Vec<i32>, Stopped> {
        let late: Vec<_> = rows
            .iter()
            .filter_map(|(at, _)| self.desk.get(*at))
            .filter(|working| working.late != Late::NotYet && !working.row.was_processed)
            .filter_map(|working| {
                let first = working.row.attempts.iter().map(|attempt| attempt.began_at).min()?;
                Some((working.row.row, natural_key(&working.row.iccid), first))
            })
            .collect();
        Ok(done_since_at_carrier(&self.outside.ledger, &self.claim, &late).await?)
    }

    /// What reading has shown of writes is written down: as their receipts, or that they are not there.
    pub(in super::super) async fn note_down(&mut self, notes: Vec<(usize, Key, Noted)>) -> Result<(), Stopped> {
        let to_mean: Vec<Meant> = notes
            .iter()
            .filter(|(_, _, noted)| *noted != Noted::NotThere)
            .filter_map(|(at, key, _)| {
                let natural_key = natural_key(&self.desk.get(*at)?.row.iccid);
                let hash = Sha256::digest(natural_key.as_bytes()).into();
                Some(Meant { at: *at, key: *key, natural_key, hash, effective_on: None })
            })
            .collect();
        let meant = self.mean(&to_mean, Duration::ZERO).await?;
        let mut told = Vec::new();
        for (at, key, noted) in notes {
            let Some(working) = self.desk.get(at) else { continue };
            let number = meant.iter().find(|(m, k, _)| (*m, *k) == (at, key)).map(|m| m.2);
            let open = working.saga.attempts_at(key).next_back().map(|attempt| attempt.number);
            let device = working.saga.shown.as_ref().and_then(|shown| shown.first()).cloned();
            match (noted, number, open, device) {
                (Noted::NotThere, _, Some(number), _) => {
                    let why = "not there in all the time that it may take; a person waits no more";
                    told.push(self.told(at, key, number, "NOT_APPLIED", None, why, "NOT_FOUND"));
                }
                (Noted::WasSo | Noted::Landed, Some(number), _, Some(device)) => {
                    let (reference, why) = match noted {
                        Noted::WasSo => (WAS_SO, "it was so before; nothing was sent"),
                        _ => (0, "it was looked for and not there, and has come about since"),
                    };
                    let mut one = self.told(at, key, number, "DONE", Some(reference), why, "FOUND");
                    let mut seen = shown(&receipt_of(&device), key);
                    seen["was_so"] = json!(noted == Noted::WasSo);
                    one.shown = Some(seen);
                    told.push(one);
                }
                _ => {}
            }
        }
        self.write_down(told).await
    }

    /// What was found of a row's SIM.
    fn shown(
        &mut self,
        at: usize,
        look: Look,
        devices: &[Device],
        is_alone: bool,
        shared: &mut Shared,
    ) -> Option<Told> {
        let now = self.now();
        let can = shared.carrier.capabilities();
        let working = self.desk.get_mut(at)?;
        let device = device_of(&working.row);
        let found: Vec<Device> =
            devices.iter().filter(|found| can.natural_key.is_of(&device, found)).cloned().collect();
        if found.is_empty() && !is_alone {
            working.is_read_alone = true;
            return None;
        }
        working.is_read_alone = false;
        if working.row.blind_since.take().is_some() {
            shared.wave.sees_again.push(working.row.row);
        }
        let Look::Back(key) = look else {
            working.saga.shown = Some(found);
            return None;
        };
        let kept = working.row.attempts.iter().rev().find(|attempt| {
            Key::from_words(&attempt.step, &attempt.direction, &attempt.call, attempt.item) == Some(key)
        });
        let heard = kept.and_then(|kept| kept.heard.as_ref()).map(|heard| heard_word(shared.carrier.kind(), heard));
        let how_it_was = before(working.before(key).as_ref());
        let undoes = before(working.before(before_of(key)).as_ref());
        let (asked_change, _) = match change(&working.row, key, &undoes) {
            Ok(asked) => asked,
            Err(why) => {
                working.attention = Some((Reason::OutcomeUnknown.word(), why.0.to_owned()));
                return None;
            }
        };
        let attempt = working.saga.attempts_at(key).next_back()?;
        let (number, is_accepted) = (attempt.number, attempt.awaited.is_accepted);
        let is_open = matches!(attempt.fate, Fate::Open | Fate::Unknown);
        let settled = now >= attempt.settle_until;
        let name = match (key.write, key.direction) {
            (Write::ChangeCarrierRatePlan, Direction::Apply) => working.row.at_carrier.plan.as_ref(),
            (Write::Activate, _) => working.row.at_carrier.activation_plan.as_ref(),
            _ => None,
        };
        let asked = Asked {
            change: &asked_change,
            device: &device,
            key: can.natural_key,
            before: &how_it_was,
            plan_name: name.map(|(_, name)| name.as_str()),
            settled,
            heard: heard.as_ref(),
        };
        let meant = meaning(&asked, &found);
        working.saga.looked.insert(key);
        let is_over_and_not_done =
            working.late != Late::NotYet && !working.row.was_processed && key.direction == Direction::Apply;
        if working.late != Late::NotYet && is_open && !matches!(meant, Meaning::Done(_) | Meaning::Refused(_)) {
            // Nobody waits for it any more; the next sweep looks again.
            return None;
        }
        if is_over_and_not_done && shared.done_since.contains(&working.row.row) {
            // Another row of the SIM has done it since, or something else: of this one nothing shows.
            return None;
        }
        if is_over_and_not_done && matches!(meant, Meaning::Done(_)) {
            working.attention = Some((
                Reason::FoundSeveral.word(),
                format!(
                    "The row is over and not done, and {} has come about at the carrier by now. Look there, put it right if it is \
                     not wanted, then close the row.",
                    explain::what(key)
                ),
            ));
            return None;
        }
        if !is_open {
            return None;
        }
        match meant {
            Meaning::Done(receipt) => {
                let evidence = receipt_words(&receipt);
                let mut told = self.told(at, key, number, "DONE", Some(0), &evidence, "FOUND");
                told.shown = Some(shown(&receipt, key));
                Some(told)
            }
            Meaning::Refused(cause) => {
                let code = heard_code(kept_heard(self.desk.get(at)?.row.attempts.as_slice(), key));
                Some(self.told(at, key, number, "REFUSED", None, &format!("{code}{cause}"), "REFUSED"))
            }
            Meaning::NotYet if settled && !is_accepted => {
                let evidence = "looked for after it had settled: not there";
                Some(self.told(at, key, number, "NOT_APPLIED", None, evidence, "NOT_FOUND"))
            }
            Meaning::Pending | Meaning::NotYet => {
                let attempt = working.saga.attempts.iter_mut().rev().find(|attempt| attempt.key == key)?;
                attempt.awaited.looked_at = Some(now);
                shared.looked.push((working.row.row, key.write.word()));
                None
            }
            Meaning::SomebodyElses(strange) => {
                let details = format!(
                    "{}: {}. Look at the carrier, then close the row.",
                    explain::what(key),
                    strange_words(&strange)
                );
                working.attention = Some((Reason::FoundSeveral.word(), details));
                None
            }
        }
    }
}

fn kept_heard(attempts: &[database::outside::Attempt], key: Key) -> Option<&Heard> {
    attempts
        .iter()
        .rev()
        .find(|kept| Key::from_words(&kept.step, &kept.direction, &kept.call, kept.item) == Some(key))
        .and_then(|kept| kept.heard.as_ref())
}

fn heard_code(heard: Option<&Heard>) -> String {
    heard.and_then(|heard| heard.code.as_ref()).map(|code| format!("{code}: ")).unwrap_or_default()
}

fn heard_word(kind: CarrierKind, heard: &Heard) -> CallbackWord {
    match heard.word.as_str() {
        "SUCCESS" => CallbackWord::Success,
        "FAILED" => {
            let cause =
                heard.code.as_deref().map_or(integrations::carriers::Cause::Unlisted, |code| kind.cause_of_code(code));
            CallbackWord::Failed { code: heard.code.clone(), cause }
        }
        other => CallbackWord::Unlisted(other.to_owned()),
    }
}

/// What of the exchange is kept with each of its rows.
fn keep(told: &mut [Told], exchange: &Exchange) {
    let cut = |text: &str| match told.len() {
        0 | 1 => text.to_owned(),
        many if text.chars().count() > KEPT_OF_MANY => {
            format!("{}… ({many} SIMs in one request)", text.chars().take(KEPT_OF_MANY).collect::<String>())
        }
        _ => text.to_owned(),
    };
    let (request, response) = (cut(&exchange.request), exchange.response.as_deref().map(cut));
    for told in told {
        (told.request, told.response) = (Some(request.clone()), response.clone());
    }
}

fn words(refusal: &Refusal) -> String {
    let code = refusal.code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default();
    format!("{code}{}", refusal.message)
}

fn receipt_of(device: &Device) -> Receipt {
    Receipt {
        msisdn: device.msisdn.clone(),
        mdn: device.mdn.clone(),
        ip_address: device.ip_address.clone(),
        carrier_rate_plan: device.carrier_rate_plan.clone(),
        status: device.status.clone(),
        activated_at: device.last_activated_at,
    }
}

/// For `mirror_carrier`.
fn shown(receipt: &Receipt, key: Key) -> Value {
    json!({
        "msisdn": receipt.msisdn.as_ref().or(receipt.mdn.as_ref()).map(|number| number.trim()).filter(|number| !number.is_empty()),
        "ip_address": receipt.ip_address,
        "carrier_rate_plan": receipt.carrier_rate_plan,
        "status": receipt.status,
        "activated_at": receipt.activated_at.filter(|_| key.write == Write::Activate).map(|at| at.to_string()),
        "is_cleared": key.write == Write::Deactivate,
    })
}

fn receipt_words(receipt: &Receipt) -> String {
    let plan = receipt.carrier_rate_plan.as_deref().unwrap_or("none");
    let address = receipt.ip_address.as_ref().map(|address| format!(", address {address}")).unwrap_or_default();
    format!("the carrier shows it {}, plan {plan}{address}", receipt.status)
}

fn strange_words(strange: &Strange) -> String {
    match strange {
        Strange::Gone => "the carrier does not show the SIM any more".to_owned(),
        Strange::Several(several) => format!("the carrier shows {several} SIMs of this ICCID"),
        Strange::Plan(Some(plan)) => {
            format!("the SIM has plan {plan}, which is neither what it had nor what was asked for")
        }
        Strange::Plan(None) => "the SIM has no plan".to_owned(),
        Strange::Status(status) => format!("the SIM is {status}"),
        Strange::Address(address) => format!("the SIM has the address {address}"),
    }
}
