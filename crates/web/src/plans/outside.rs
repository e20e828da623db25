//! What a plan says of what it will do outside: steps, calls, and how long they take at the pace that is allowed.

use crate::App;
use crate::problem::Problem;
use crate::shape::Named;
use database::api_key::Caller;
use database::bulk_change::BulkChange;
use database::carrier::CarrierAccount;
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
    /// What that means, in words.
    pub(crate) says: Vec<String>,
}

/// How long what is sent to an account at a carrier or at Rev.io will take, from now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Eta {
    /// `rev_io`, or the carrier's integration, such as `thingspace`.
    step: String,
    /// At 98 of a hundred of the calls that a minute allows; a whole day more for each that is waited for when a day's calls are
    /// spent.
    pub(crate) seconds: f64,
    /// The account: an integration authentication, or a service provider.
    pub(crate) account: Named,
    /// Calls that it takes.
    pub(crate) calls: i64,
    /// Calls that are left of today's.
    pub(crate) calls_left_today: i64,
    pub(crate) calls_per_minute: i64,
    /// The carrier accepts a request at once and does it later: usually within minutes, and at the latest after so many seconds more.
    /// Null: it answers when it has done it.
    #[schema(required)]
    pub(crate) answers_within_seconds: Option<i64>,
}

/// How SIMs stand at their carrier, where something is asked of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AtCarrier {
    /// SIMs of the input that the carrier has suspended.
    pub(crate) suspended: i64,
    /// SIMs whose carrier rate plan is to change, by how often it was changed from here this calendar month (UTC) before.
    plan_changes_used: BTreeMap<String, i64>,
    /// How often the carrier changes the plan of a SIM in a calendar month; null: as often as one likes.
    #[schema(required)]
    plan_changes_per_month: Option<u32>,
}

/// As it is stored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outside {
    calls: BTreeMap<Uuid, i64>,
    steps: BTreeMap<String, i32>,
    /// Accounts that were not asked again although what was known of them was old.
    not_asked: Vec<Uuid>,
    carrier: Option<Carrier>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Carrier {
    suspended: i64,
    plan_changes_used: BTreeMap<String, i64>,
    plan_changes_per_month: Option<u32>,
    answers_within_seconds: Option<i64>,
    stay_active: i64,
    plans: Alike,
    activations: Alike,
    pools: Alike,
}

/// SIMs by what they become; of those that are not named how many they are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Alike {
    named: Vec<AlikeRows>,
    rest: i64,
}

#[derive(Debug, Deserialize)]
struct AlikeRows {
    name: String,
    rows: i64,
}

/// What an account may be sent, and what kind of account it is.
pub(crate) struct Gate {
    step: String,
    budget: Budget,
}

fn outside(plan: &BulkChange) -> Outside {
    serde_json::from_value(plan.outside.clone()).unwrap_or_default()
}

/// The budgets of the accounts that these plans send something to; no statement if none does.
pub(crate) async fn budgets(app: &App, caller: &Caller, plans: &[BulkChange]) -> Result<Vec<Gate>, Problem> {
    let plans: Vec<Outside> = plans.iter().map(outside).collect();
    let sends = |outside: &Outside| !outside.calls.is_empty() || !outside.not_asked.is_empty();
    let mut gates = Vec::new();
    if plans.iter().any(sends) {
        let budgets = database::rev_io::budgets(&app.ledger, caller.tenant).await?;
        gates.extend(budgets.into_iter().map(|budget| Gate { step: "rev_io".to_owned(), budget }));
    }
    if plans.iter().any(|outside| outside.carrier.is_some() && !outside.calls.is_empty()) {
        let accounts = database::carrier::accounts(&app.ledger, caller.tenant).await?;
        gates.extend(
            accounts.into_iter().map(|account| Gate { budget: of_carrier(&account), step: account.integration }),
        );
    }
    Ok(gates)
}

fn of_carrier(account: &CarrierAccount) -> Budget {
    Budget {
        account: account.service_provider.0,
        name: account.name.clone(),
        per_minute: account.calls_per_minute.into(),
        per_day: account.calls_per_day.into(),
        left_today: account.calls_left_today.into(),
    }
}

/// The steps in their order.
pub(crate) fn side_effects(plan: &BulkChange) -> Vec<SideEffect> {
    let outside = outside(plan);
    let carrier = outside.carrier.unwrap_or_default();
    let done_outside = Step::ALL.iter().filter_map(|step| {
        let rows = outside.steps.get(step.word()).copied()?;
        Some(SideEffect { step: step.word().to_owned(), rows, outside: true, says: says(*step, rows, &carrier) })
    });
    let (step, rows) = (Step::RecordAssignment, plan.counts.planned);
    let record = SideEffect { step: step.word().to_owned(), rows, outside: false, says: says(step, rows, &carrier) };
    done_outside.chain((rows > 0).then_some(record)).collect()
}

/// So many SIMs, and what becomes of one or of several.
fn sims(rows: i64, one: &str, several: &str) -> String {
    if rows == 1 { format!("1 SIM {one}") } else { format!("{rows} SIMs {several}") }
}

fn says(step: Step, rows: i32, carrier: &Carrier) -> Vec<String> {
    let rows = i64::from(rows);
    match step {
        Step::ChangeCarrierRatePlan => {
            of_each(&carrier.plans, |n, plan| sims(n, &format!("gets {plan}"), &format!("get {plan}")))
        }
        Step::ActivateAtCarrier => of_each(&carrier.activations, |n, plan| {
            let (one, several) = (format!("is activated with {plan}"), format!("are activated with {plan}"));
            format!("{} and billed by the carrier from then on", sims(n, &one, &several))
        }),
        Step::ProvisionIp => {
            let address = |n, pool: &str| {
                let of = format!("a static address of {pool}");
                sims(n, &format!("gets {of}"), &format!("get {of}"))
            };
            let pools = carrier.pools.named.iter().map(|pool| address(pool.rows, &format!("pool {}", pool.name)));
            let rest = (carrier.pools.rest > 0).then(|| address(carrier.pools.rest, "other pools"));
            pools.chain(rest).collect()
        }
        Step::CloseRevService => vec![format!("lines at Rev.io end for {}", sims(rows, "", "").trim_end())],
        Step::OpenRevService => {
            vec![sims(rows, "gets a line at Rev.io and is billed there", "get lines at Rev.io and are billed there")]
        }
        Step::UpdateRevService => vec![sims(
            rows,
            "is put on a line that is at Rev.io already",
            "are put on lines that are at Rev.io already",
        )],
        Step::RecordAssignment => vec![sims(rows, "is assigned here", "are assigned here")],
    }
}

fn of_each(alike: &Alike, say: impl Fn(i64, &str) -> String) -> Vec<String> {
    let named = alike.named.iter().map(|one| say(one.rows, &format!("carrier rate plan {}", one.name)));
    named.chain((alike.rest > 0).then(|| say(alike.rest, "other carrier rate plans"))).collect()
}

/// How long each account is sent to.
pub(crate) fn eta(plan: &BulkChange, gates: &[Gate]) -> Vec<Eta> {
    let outside = outside(plan);
    let later = outside.carrier.as_ref().and_then(|carrier| carrier.answers_within_seconds);
    let calls = outside.calls;
    let with_calls = gates.iter().filter_map(|gate| Some((gate, *calls.get(&gate.budget.account)?)));
    let eta = with_calls.map(|(gate, calls)| Eta {
        step: gate.step.clone(),
        seconds: seconds_for(calls, gate.budget.left_today, gate.budget.per_minute, gate.budget.per_day),
        account: Named { id: gate.budget.account, name: gate.budget.name.clone() },
        calls,
        calls_left_today: gate.budget.left_today,
        calls_per_minute: gate.budget.per_minute,
        answers_within_seconds: later.filter(|_| gate.step != "rev_io"),
    });
    eta.collect()
}

/// How SIMs stand at their carrier; none where nothing is asked of it.
pub(crate) fn at_carrier(plan: &BulkChange) -> Option<AtCarrier> {
    outside(plan).carrier.map(|carrier| AtCarrier {
        suspended: carrier.suspended,
        plan_changes_used: carrier.plan_changes_used,
        plan_changes_per_month: carrier.plan_changes_per_month,
    })
}

/// What a person should know before applying it.
pub(crate) fn warnings(plan: &BulkChange, gates: &[Gate]) -> Vec<String> {
    let outside = outside(plan);
    let accounts = gates.iter().map(|gate| &gate.budget).filter(|budget| outside.not_asked.contains(&budget.account));
    let warning = |budget: &Budget| {
        format!(
            "Rev.io was not asked again about lines of {}: nobody answered in time, and rows were judged on what was known before.",
            budget.name
        )
    };
    let mut warnings: Vec<String> = accounts.map(warning).collect();
    let carrier = outside.carrier.unwrap_or_default();
    let last = carrier.plan_changes_per_month.and_then(|most| most.checked_sub(1)).map(|used| used.to_string());
    if let Some(rows) = last.and_then(|used| carrier.plan_changes_used.get(&used)) {
        let say = ("uses up the changes of its", "use up the changes of their");
        warnings
            .push(format!("{} carrier rate plan that the carrier makes this month (UTC).", sims(*rows, say.0, say.1)));
    }
    if carrier.stay_active > 0 {
        let stays = sims(carrier.stay_active, "that the change activated stays", "that the change activated stay");
        warnings.push(format!(
            "{stays} active at the carrier and billed for there: deactivating loses the number. The assignment alone goes back."
        ));
    }
    warnings
}
