//! A plan's counts, chunks and hash, gathered while its rows go by.

use crate::asking_again::AskedAgain;
use crate::carrying::Carrying;
use database::plan::FinishedPlan;
use database::staged_row::JudgedRow;
use domain::carrier::AtCarrier;
use domain::ids::{BulkChangeId, IntegrationAuthenticationId, ServiceProviderId};
use domain::steps::{Outside, Step};
use domain::target::Target;
use domain::verdict::{DeviceFacts, Verdict};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The counts, the chunks and the hash, while the rows go by.
pub(crate) struct Accumulating {
    last_row: i32,
    finished: FinishedPlan,
    hash: Sha256,
    chunk_rows: i32,
    open: Option<(i32, i32, i32)>,
    calls: BTreeMap<IntegrationAuthenticationId, i64>,
    steps: BTreeMap<&'static str, i32>,
    carrying: Carrying,
}

impl Accumulating {
    pub(crate) fn new(id: BulkChangeId, service_provider: Option<ServiceProviderId>, chunk_rows: i32) -> Self {
        let finished = FinishedPlan {
            id,
            service_provider,
            rows: 0,
            change: 0,
            no_change: 0,
            refused: 0,
            by_reason: BTreeMap::new(),
            hash: [0; 32],
            chunks: Vec::new(),
            outside: Value::Null,
            billing_read_at: None,
        };
        let (calls, steps) = (BTreeMap::new(), BTreeMap::new());
        Self {
            last_row: 0,
            finished,
            hash: Sha256::new(),
            chunk_rows: chunk_rows.max(1),
            open: None,
            calls,
            steps,
            carrying: Carrying::default(),
        }
    }

    /// What rows are to become is part of the hash, too.
    pub(crate) fn hash_target(&mut self, target: &str) {
        self.hash.update(target);
        self.hash.update("\n");
    }

    /// What a row does outside adds up, by account and by step.
    pub(crate) fn add_outside(&mut self, outside: &Outside, target: Option<&Target>) {
        for step in &outside.steps {
            *self.steps.entry(step.word()).or_default() += 1;
            if let Some(target) = target {
                self.carrying.add(*step, &target.carrier);
            }
        }
        for (account, calls) in outside.calls(target) {
            let sum = self.calls.entry(account).or_default();
            *sum = sum.saturating_add(calls);
        }
    }

    /// Something is asked of this carrier.
    pub(crate) fn ask_carrier(&mut self, at: &AtCarrier) {
        self.carrying.ask(at);
    }

    /// How a row's SIM stands at its carrier.
    pub(crate) fn see_at_carrier(&mut self, device: Option<&DeviceFacts>, target: Option<&Target>) {
        if let Some(device) = device {
            let changes = target
                .is_some_and(|target| target.carrier.steps(&device.carrier).contains(&Step::ChangeCarrierRatePlan));
            self.carrying.see(device, changes);
        }
    }

    /// A row whose SIM gets its carrier rate plan back.
    pub(crate) fn see_plan_back(&mut self, device: Option<&DeviceFacts>, code: &str) {
        if let Some(device) = device {
            self.carrying.see(device, true);
        }
        self.carrying.add_plan(code, None);
    }

    /// A row whose SIM stays active although what was done of it is taken back.
    pub(crate) fn stays_active(&mut self, stays: bool) {
        self.carrying.stays_active(stays);
    }

    /// The number of the last row that was counted; 0 before the first.
    pub(crate) const fn last_row(&self) -> i32 {
        self.last_row
    }

    pub(crate) fn count(&mut self, judged: &JudgedRow) {
        let row = judged.row.row_number;
        self.last_row = row;
        self.finished.rows += 1;
        let device = judged.row.facts.device.as_ref();
        let versions = device.map(|d| (d.id, d.version, d.assignment.as_ref().map_or(0, |a| a.version)));
        let refusal = match &judged.verdict {
            Verdict::Change => {
                self.finished.change += 1;
                let (first, _, rows) = self.open.take().unwrap_or((row, row, 0));
                if rows + 1 == self.chunk_rows {
                    self.finished.chunks.push((first, row));
                } else {
                    self.open = Some((first, row, rows + 1));
                }
                None
            }
            Verdict::NoChange(refusal) => {
                self.finished.no_change += 1;
                Some(refusal)
            }
            Verdict::Refused(refusal) => {
                self.finished.refused += 1;
                Some(refusal)
            }
        };
        let reason = refusal.map(|refusal| refusal.reason.word());
        if let Some(word) = reason {
            *self.finished.by_reason.entry(word).or_default() += 1;
        }
        let (target, date) = (judged.target_number, judged.effective_date);
        self.hash.update(format!("{row} {reason:?} {versions:?} {target} {date:?}\n"));
        let outside = &judged.outside;
        if !outside.steps.is_empty() {
            let closes: Vec<_> = outside.closes.iter().map(|line| line.id).collect();
            self.hash.update(format!("{:?} {closes:?} {:?}\n", outside.steps, judged.row.facts.imei));
        }
    }

    /// With how fresh what it was judged on is, where that was looked at.
    pub(crate) fn finish_after(self, asked: &AskedAgain) -> FinishedPlan {
        let mut finished = self.finish();
        finished.billing_read_at = asked.read_at.filter(|_| asked.not_asked.is_empty());
        if !asked.not_asked.is_empty() {
            finished.outside["not_asked"] = json!(asked.not_asked);
        }
        finished
    }

    pub(crate) fn finish(mut self) -> FinishedPlan {
        if let Some((first, last, _)) = self.open {
            self.finished.chunks.push((first, last));
        }
        self.finished.outside = if self.steps.is_empty() {
            json!({})
        } else {
            let mut calls: BTreeMap<String, i64> =
                self.calls.iter().map(|(id, calls)| (id.to_string(), *calls)).collect();
            // The gate of steps at a carrier is the service provider's.
            let at_carrier = self.carrying.calls();
            if let Some(provider) = self.finished.service_provider.filter(|_| at_carrier > 0) {
                calls.insert(provider.to_string(), at_carrier);
            }
            json!({ "calls": calls, "steps": self.steps })
        };
        if let Some(carrier) = self.carrying.show() {
            self.finished.outside["carrier"] = carrier;
        }
        self.finished.hash = self.hash.finalize().into();
        self.finished
    }
}
