//! What an answer means for its row, and for the account.

use super::carry::{Carrying, Stopped};
use super::decide::Look;
use super::look::{AGAIN, Blind, Found};
use super::read_back::{self, Whose};
use super::saga::Step;
use super::wave::{Back, Wave, signed};
use database::outside::Told;
use domain::reason::Reason;
use integrations::answer::Answer;
use integrations::billing::rev_io::Receipt;
use jiff::Timestamp;
use std::time::Duration;

impl Carrying<'_> {
    /// What an answer means for its row.
    pub(super) async fn hear(&mut self, back: Back, wave: &mut Wave) -> Result<Option<Told>, Stopped> {
        let now = self.now();
        let whose =
            Whose { tenant: self.claim.tenant, bulk_change: self.claim.bulk_change.0, account: self.claim.account };
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
                        let is_over = !line.exists || line.closed;
                        let counts = step == Step::CloseRevService || working.saga.giving_up;
                        if counts && is_over && working.saga.over.insert(id) {
                            wave.over.push((working.row.row, id));
                        }
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
                            format!(
                                "{id} at Rev.io is not {}; look again, or name another.",
                                super::explain::what(key)
                            ),
                        ));
                    }
                    None
                }
                (Look::Back(key) | Look::Adopt(key, _), Some(found)) => match self.desk.get_mut(at) {
                    Some(working) => read_back::meaning(&self.outside.ledger, whose, working, key, found, now).await?,
                    None => None,
                },
                (Look::Line(..) | Look::Device(_), Some(_)) => None,
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
                if let Some(working) = self.desk.get_mut(at)
                    && working.row.blind_since.take().is_some()
                {
                    wave.sees_again.push(working.row.row);
                }
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
            Err(Blind::Unreadable(why)) => {
                // Neither a call that came through nor one that came to nothing: the account answers, and tells nothing.
                self.unreadable(at, &why, wave, now);
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

    /// What can never be read is a person's to decide on, also where nothing of the row is unknown: it would wait for ever.
    fn unreadable(&mut self, at: usize, why: &str, wave: &mut Wave, now: Timestamp) {
        let blind_for = signed(self.outside.settings.blind_for);
        let Some(working) = self.desk.get_mut(at) else { return };
        let since = working.unknown_since().into_iter().chain(working.row.blind_since).min();
        match since {
            Some(since) if now.duration_since(since) > blind_for => {
                let details = format!("What Rev.io has of this row could not be read since {since}: {why}");
                working.attention = Some((Reason::OutcomeUnknown.word(), details));
            }
            _ => {
                if working.row.blind_since.is_none() {
                    working.row.blind_since = Some(now);
                    wave.blind.push(working.row.row);
                }
                self.wait(at, now, AGAIN);
            }
        }
    }

    fn wait(&mut self, at: usize, now: Timestamp, after: Duration) {
        if let Some(working) = self.desk.get_mut(at) {
            working.not_before = Some(now + signed(after));
        }
    }
}
