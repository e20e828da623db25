//! What a plan says of what it will do outside: steps, calls, and how long they take at the pace that is allowed.

use crate::App;
use crate::problem::Problem;
use crate::shape::Named;
use database::api_key::Caller;
use database::bulk_change::BulkChange;
use database::rev_io::Budget;
use domain::steps::{Step, seconds_for};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// A step that will be done, and for how many rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SideEffect {
    pub(crate) step: String,
    pub(crate) rows: i32,
    /// Does it change anything at a carrier or at Rev.io?
    pub(crate) outside: bool,
}

/// How long what is sent to an account at Rev.io will take, from now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Eta {
    /// `rev_io`.
    step: String,
    /// At 98 of a hundred of the calls that a minute allows; a whole day more for each that is waited for when a day's calls are
    /// spent.
    pub(crate) seconds: f64,
    pub(crate) account: Named,
    /// Calls that it takes.
    pub(crate) calls: i64,
    /// Calls that are left of today's.
    pub(crate) calls_left_today: i64,
    pub(crate) calls_per_minute: i64,
}

/// As it is stored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outside {
    calls: BTreeMap<Uuid, i64>,
    steps: BTreeMap<String, i32>,
    /// Accounts that were not asked again although what was known of them was old.
    not_asked: Vec<Uuid>,
}

fn outside(plan: &BulkChange) -> Outside {
    serde_json::from_value(plan.outside.clone()).unwrap_or_default()
}

/// The budgets of the accounts that these plans send something to; no statement if none does.
pub(crate) async fn budgets(app: &App, caller: &Caller, plans: &[BulkChange]) -> Result<Vec<Budget>, Problem> {
    let sends = plans.iter().map(outside).any(|outside| !outside.calls.is_empty() || !outside.not_asked.is_empty());
    Ok(if sends { database::rev_io::budgets(&app.ledger, caller.tenant).await? } else { Vec::new() })
}

/// The steps in their order.
pub(crate) fn side_effects(plan: &BulkChange) -> Vec<SideEffect> {
    let steps = outside(plan).steps;
    let done_outside = Step::ALL.iter().filter_map(|step| {
        let rows = steps.get(step.word()).copied()?;
        Some(SideEffect { step: step.word().to_owned(), rows, outside: true })
    });
    let record =
        SideEffect { step: Step::RecordAssignment.word().to_owned(), rows: plan.counts.planned, outside: false };
    done_outside.chain((plan.counts.planned > 0).then_some(record)).collect()
}

/// How long each account is sent to.
pub(crate) fn eta(plan: &BulkChange, budgets: &[Budget]) -> Vec<Eta> {
    let calls = outside(plan).calls;
    let with_calls = budgets.iter().filter_map(|budget| Some((budget, *calls.get(&budget.account)?)));
    let eta = with_calls.map(|(budget, calls)| Eta {
        step: "rev_io".to_owned(),
        seconds: seconds_for(calls, budget.left_today, budget.per_minute, budget.per_day),
        account: Named { id: budget.account, name: budget.name.clone() },
        calls,
        calls_left_today: budget.left_today,
        calls_per_minute: budget.per_minute,
    });
    eta.collect()
}

/// What a person should know before applying it.
pub(crate) fn warnings(plan: &BulkChange, budgets: &[Budget]) -> Vec<String> {
    let not_asked = outside(plan).not_asked;
    let accounts = budgets.iter().filter(|budget| not_asked.contains(&budget.account));
    let warning = |budget: &Budget| {
        format!(
            "Rev.io was not asked again about lines of {}: nobody answered in time, and rows were judged on what was known before.",
            budget.name
        )
    };
    accounts.map(warning).collect()
}
