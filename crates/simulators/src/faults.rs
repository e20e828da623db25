//! What goes wrong: rules that are set over HTTP, and taken by the calls they match.
//!
//! `POST /faults` takes one rule or a list of them, `GET /faults` shows them with what they did, `DELETE /faults` clears
//! them, `DELETE /faults/{id}` one. Rules are tried in the order in which they were added; the first that fires decides.
//! Only `stale_search` leaves the call to the rules after it. A rule sees, and counts, the calls that the provider's gateway
//! has admitted and no earlier rule has spoiled.
//!
//! ```json
//! {"provider": "rev-io", "method": "POST", "path": "/services", "body": {"number": "15550001111"},
//!  "when": {"next": 1}, "fault": {"kind": "late_landing", "seconds": 3, "status": 504}}
//! ```
//!
//! Faults whose name begins with `device` or `callback` are about the parts of an asynchronous request, one for each device:
//!
//! ```json
//! {"provider": "thingspace", "path": "/devices/actions/activate", "device": "89148000000000000001",
//!  "when": "always", "fault": {"kind": "callback_doubled", "seconds": 2}}
//! ```
//!
//! `when` is `"always"`, `{"nth": [2, 5]}`, `{"next": 3}` or `{"rate": 0.1}`; [`Fault`] has the kinds and what each takes.

mod device;
mod fault;
mod rule;

pub use crate::ledger::FaultRef;
pub use device::Forgery;
pub(crate) use device::{DeviceFault, Told};
pub(crate) use fault::ERROR;
pub use fault::Fault;
pub use rule::{Rule, RuleError, Seconds, When};

use crate::World;
use crate::call::Call;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

/// A rule and what it has done.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Its number, in the order of adding.
    pub id: u64,
    /// How many calls it matched.
    pub matched: u64,
    /// How many of them it spoiled.
    pub fired: u64,
    /// The rule.
    pub rule: Rule,
}

/// All rules.
#[derive(Debug, Default)]
pub struct Faults {
    standing: Vec<Standing>,
    last_id: u64,
}

/// What the rules have decided about a call.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) fault: Option<(u64, Fault)>,
    /// Searches do not see what is younger.
    pub(crate) stale: Option<(u64, Seconds)>,
}

impl Faults {
    /// Adds a rule and says its number.
    ///
    /// # Errors
    /// If the rule could never do what it says.
    pub fn add(&mut self, rule: Rule) -> Result<u64, RuleError> {
        rule.check()?;
        self.last_id += 1;
        self.standing.push(Standing { id: self.last_id, matched: 0, fired: 0, rule });
        Ok(self.last_id)
    }

    /// Forgets all rules. What is under way goes on.
    pub fn clear(&mut self) {
        self.standing.clear();
    }

    /// Forgets one rule; says whether it was there.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.standing.len();
        self.standing.retain(|standing| standing.id != id);
        self.standing.len() < before
    }

    /// The rules with what they did.
    #[must_use]
    pub fn standing(&self) -> &[Standing] {
        &self.standing
    }

    /// Shows a call to the rules.
    pub(crate) fn verdict(&mut self, call: &Call, account: &str, mut chance: impl FnMut() -> f64) -> Verdict {
        let mut verdict = Verdict::default();
        // Bodies may name ten thousand devices; they are read only for rules that ask.
        let asked = self.standing.iter().any(|standing| !standing.rule.body.is_empty());
        let body = if asked { call.json() } else { None };
        for standing in &mut self.standing {
            if !standing.rule.matches(call, account, body.as_ref()) {
                continue;
            }
            standing.matched += 1;
            if !standing.rule.when.fires(standing.matched, standing.fired, &mut chance) {
                continue;
            }
            standing.fired += 1;
            if let Fault::StaleSearch { seconds } = standing.rule.fault {
                verdict.stale = Some((standing.id, seconds));
                continue;
            }
            verdict.fault = Some((standing.id, standing.rule.fault.clone()));
            break;
        }
        verdict
    }
}

pub(crate) async fn list(State(world): State<World>) -> Json<Value> {
    Json(json!({ "items": world.faults(|faults| faults.standing().to_vec()) }))
}

/// All of a list are added or none.
pub(crate) async fn add(State(world): State<World>, body: Bytes) -> Response {
    match rules(&body) {
        Ok(rules) => {
            let ids: Result<Vec<u64>, RuleError> =
                world.faults(|faults| rules.into_iter().map(|rule| faults.add(rule)).collect());
            match ids {
                Ok(ids) => (StatusCode::CREATED, Json(json!({ "ids": ids }))).into_response(),
                Err(error) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
            }
        }
        Err((status, message)) => refusal(status, &message),
    }
}

fn rules(body: &[u8]) -> Result<Vec<Rule>, (StatusCode, String)> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| (StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}")))?;
    let values = if let Value::Array(values) = value { values } else { vec![value] };
    let rule = |(place, value): (usize, Value)| {
        let rule: Result<Rule, String> = serde_json::from_value(value).map_err(|error| error.to_string());
        let rule = rule.and_then(|rule| rule.check().map(|()| rule).map_err(|error| error.to_string()));
        rule.map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, format!("rule {}: {error}", place + 1)))
    };
    values.into_iter().enumerate().map(rule).collect()
}

pub(crate) async fn clear(State(world): State<World>) -> StatusCode {
    world.faults(Faults::clear);
    StatusCode::NO_CONTENT
}

pub(crate) async fn remove(State(world): State<World>, Path(id): Path<u64>) -> StatusCode {
    if world.faults(|faults| faults.remove(id)) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
