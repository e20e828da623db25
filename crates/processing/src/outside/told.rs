//! The ledger's words for a row, made into what is decided on, and the other way round.

use super::saga::{AtCarrier, Attempt, Awaited, CarrierPlan, Closing, Fate, Key, Resolution, Saga, Step};
use database::outside::{self, LineToClose, OutsideRow};
use serde_json::Value;

/// A customer's id as Rev.io has it; one that is no number names nobody there.
pub(super) fn customer(text: Option<&str>) -> i64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn closing(line: &LineToClose) -> Closing {
    Closing { line: line.rev_service_id, customer: customer(Some(&line.rev_customer_id)) }
}

/// What is decided on.
pub(super) fn saga(row: &OutsideRow) -> Saga {
    let attempts = row.attempts.iter().filter_map(attempt).collect();
    let updates = row
        .sold
        .existing
        .as_ref()
        .map(|line| (closing(line), row.msisdn.clone().unwrap_or_default(), row.iccid.clone()));
    Saga {
        steps: row.steps.iter().filter_map(|word| Step::from_word(word)).collect(),
        closes: row.closes.iter().map(closing).collect(),
        customer: customer(row.sold.rev_customer_id.as_deref()),
        products: row.sold.products.len(),
        has_package: row.sold.rev_package_id.is_some(),
        updates,
        attempts,
        giving_up: row.giving_up.is_some(),
        is_cancelled: row.is_cancelled,
        resolution: row.resolution.as_ref().and_then(resolution),
        looked: std::collections::HashSet::new(),
        is_stale: row.is_stale,
        sim: row.msisdn.clone().map(|number| (number, row.iccid.clone())),
        takes_back: row.restores,
        over: row.found_over.iter().copied().collect(),
        lines: std::collections::BTreeMap::new(),
        at_carrier: at_carrier(&row.at_carrier),
        shown: None,
    }
}

fn at_carrier(asked: &outside::AtCarrier) -> AtCarrier {
    let plan = |plan: &Option<(String, String)>| {
        plan.as_ref().map(|(code, name)| CarrierPlan { code: code.clone(), name: name.clone() })
    };
    AtCarrier {
        plan: plan(&asked.plan),
        has_communication_plan: asked.communication_plan.is_some(),
        activation_plan: plan(&asked.activation_plan),
        left_at: plan(&asked.left_at),
    }
}

fn attempt(kept: &outside::Attempt) -> Option<Attempt> {
    let key = Key::from_words(&kept.step, &kept.direction, &kept.call, kept.item)?;
    let fate = fate(&kept.outcome, kept.reference);
    Some(Attempt {
        key,
        number: kept.attempt,
        fate,
        was_unknown: kept.was_unknown,
        began_at: kept.began_at,
        settle_until: kept.settle_until,
        evidence: kept.evidence.clone().unwrap_or_default(),
        awaited: Awaited {
            is_accepted: kept.request_id.is_some(),
            looked_at: kept.looked_at,
            heard_at: kept.heard.as_ref().map(|heard| heard.at),
            plan_before: super::at_carrier::plan_before(kept.before_image.as_ref()),
        },
    })
}

/// What is not one of the words is not known.
pub(super) fn fate(outcome: &str, reference: Option<i64>) -> Fate {
    match (outcome, reference) {
        ("DONE", Some(reference)) => Fate::Done(reference),
        ("REFUSED", _) => Fate::Refused,
        ("NOT_SENT", _) => Fate::NotSent,
        ("NOT_APPLIED", _) => Fate::NotApplied,
        ("OPEN", _) => Fate::Open,
        _ => Fate::Unknown,
    }
}

fn resolution(decided: &Value) -> Option<Resolution> {
    Some(match decided.get("as")?.as_str()? {
        "processed" => Resolution::Processed,
        "look_again" => Resolution::LookAgain,
        "adopt" => Resolution::Adopt(decided.get("id")?.as_i64()?),
        "send_again" => Resolution::SendAgain,
        "take_back" => Resolution::TakeBack,
        _ => return None,
    })
}

/// The key as the ledger has it.
pub(super) const fn key_of(row: i32, key: Key) -> outside::Key {
    outside::Key { row, step: key.step.word(), direction: key.direction.word(), call: key.write.word(), item: key.item }
}
