//! What a form does to a bulk change: what the API does, and then back to the page.

use super::super::see_other;
use super::super::visitor::Member;
use super::super::wording::{Elsewhere, elsewhere};
use crate::App;
use crate::bulk_changes::{control, plan_again, resolve as resolving};
use crate::paging::path_id;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

/// The same acts as commands and requests.
pub(super) fn elsewhere_of(id: Uuid) -> Vec<Elsewhere> {
    let act = |what, word: &str| {
        elsewhere(what, format!("ascribe change {word} {id}"), format!("POST /api/v1/bulk-changes/{id}/{word}"))
    };
    vec![
        elsewhere("Watch it", format!("ascribe change watch {id}"), format!("GET /api/v1/bulk-changes/{id}/events")),
        act("Pause", "pause"),
        act("Resume", "resume"),
        act("Cancel what has not begun", "cancel"),
        act("Plan again what was not done", "retry"),
        act("Plan it backwards", "undo"),
        elsewhere(
            "Decide on rows that need attention",
            format!("ascribe change resolve {id} --row 17 --outcome look_again --reason \"why\""),
            format!(
                "POST /api/v1/bulk-changes/{id}/resolve {{\"rows\": [17], \"outcome\": \"look_again\", \"reason\": \"why\"}}"
            ),
        ),
        elsewhere(
            "Export",
            format!("ascribe change export {id}"),
            format!("GET /api/v1/bulk-changes/{id}/results.csv"),
        ),
        elsewhere(
            "Export as a workbook",
            format!("ascribe change export {id} --file results.xlsx"),
            format!("GET /api/v1/bulk-changes/{id}/results.xlsx"),
        ),
    ]
}

fn back(id: &str, done: &str) -> Result<Response, Problem> {
    Ok(see_other(&format!("/bulk-changes/{}?done={done}", path_id(id)?)))
}

pub(crate) async fn pause(State(app): State<App>, member: Member, Path(id): Path<String>) -> Result<Response, Problem> {
    drop(control::pause(member.caller(), member.allowed(), State(app), Path(id.clone())).await?);
    back(&id, "pause")
}

pub(crate) async fn resume(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    drop(control::resume(member.caller(), member.allowed(), State(app), Path(id.clone())).await?);
    back(&id, "resume")
}

pub(crate) async fn cancel(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    drop(control::cancel(member.caller(), member.allowed(), State(app), Path(id.clone())).await?);
    back(&id, "cancel")
}

/// The form's own key: sent twice, it is done once.
pub(in crate::pages) fn once(member: &Member) -> HeaderMap {
    let key = member.fields().said("once").and_then(|key| HeaderValue::from_str(key).ok());
    key.map(|key| (HeaderName::from_static("idempotency-key"), key)).into_iter().collect()
}

/// From the API's answer to the page of what was made.
pub(in crate::pages) fn made(answer: &Response) -> Result<String, Problem> {
    let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    location.and_then(|path| path.strip_prefix("/api/v1")).map(str::to_owned).ok_or_else(Problem::internal)
}

pub(crate) async fn retry(State(app): State<App>, member: Member, Path(id): Path<String>) -> Result<Response, Problem> {
    let answer = plan_again::retry(member.caller(), State(app), Path(id), once(&member)).await?;
    Ok(see_other(&made(&answer)?))
}

pub(crate) async fn undo(State(app): State<App>, member: Member, Path(id): Path<String>) -> Result<Response, Problem> {
    let answer = plan_again::undo(member.caller(), State(app), Path(id), once(&member)).await?;
    Ok(see_other(&made(&answer)?))
}

/// Decides on the rows that are ticked.
pub(crate) async fn resolve(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let fields = member.fields();
    let rows: Vec<Value> =
        fields.all("row").map(|row| row.parse::<i32>().map_or(Value::Null, |row| json!(row))).collect();
    let mut asked = json!({
        "rows": rows,
        "outcome": fields.text("outcome"),
        "reason": fields.text("reason"),
        "comment": fields.text("comment"),
    });
    if let Some(adopt) = fields.said("adopt") {
        asked["adopt"] = adopt.parse::<i64>().map_or(json!(adopt), |made| json!(made));
    }
    let body = Ok(Bytes::from(asked.to_string()));
    drop(resolving::handle(member.caller(), member.allowed(), State(app), Path(id.clone()), body).await?);
    back(&id, "resolve")
}
