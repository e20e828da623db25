//! `GET /plans/{id}/rows`: per device, what will happen, or exactly why not.

use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, Limit, Page, cursor, path_id};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use database::rows::{DeviceChange, Filter, Image};
use domain::allocation::DataAllocation;
use domain::reason::Reason;
use domain::states::DeviceChangeStatus;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    verdict: Option<VerdictWord>,
    reason: Option<Reason>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum VerdictWord {
    Change,
    NoChange,
    Refused,
}

pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Value>>, Problem> {
    let statuses = query.verdict.map(|verdict| match verdict {
        VerdictWord::NoChange => vec![DeviceChangeStatus::NoChange.word()],
        VerdictWord::Refused => vec![DeviceChangeStatus::Refused.word()],
        VerdictWord::Change => DeviceChangeStatus::ALL
            .iter()
            .filter(|s| !matches!(s, DeviceChangeStatus::NoChange | DeviceChangeStatus::Refused))
            .map(|s| s.word())
            .collect(),
    });
    let rows =
        of(&app, &caller, &id, Filter { statuses, reason: query.reason }, query.cursor.as_deref(), query.limit).await?;
    Ok(Json(Page::cut(
        rows,
        query.limit,
        |row| row.row_number.to_string(),
        |row| {
            let verdict = match row.status {
                DeviceChangeStatus::Refused => "REFUSED",
                DeviceChangeStatus::NoChange => "NO_CHANGE",
                _ => "CHANGE",
            };
            // What happened to a row later is the bulk change's to say, not its plan's.
            let reason = row.reason.filter(|_| verdict != "CHANGE");
            json!({
                "row": row.row_number, "input": row.input, "iccid": row.iccid, "verdict": verdict,
                "reason": reason, "detail": reason.map(|reason| explain(reason, row.detail.as_deref())), "fix": reason.map(Reason::fix),
                "before": row.before.as_ref().map(show_image), "after": row.after.as_ref().map(show_image),
                "effective_date": row.effective_date,
            })
        },
    )))
}

/// The rows of a plan or change that this caller's tenant has.
pub(crate) async fn of(
    app: &App,
    caller: &database::api_key::Caller,
    id: &str,
    filter: Filter,
    after: Option<&str>,
    limit: Limit,
) -> Result<Vec<DeviceChange>, Problem> {
    let id = path_id(id)?;
    if database::bulk_change::get(&app.ledger, caller, id).await?.is_none() {
        return Err(Problem::not_found());
    }
    let after = match cursor(after)? {
        None => 0,
        Some(text) => {
            text.parse().map_err(|_| Problem::bad_request("CURSOR_INVALID", "This cursor is another list's."))?
        }
    };
    Ok(database::rows::list(&app.ledger, caller.tenant, id, &filter, after, limit.and_one()).await?)
}

/// The reason's sentence, and what is particular to this row.
pub(crate) fn explain(reason: Reason, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{} ({detail})", reason.sentence()),
        None => reason.sentence().to_owned(),
    }
}

fn show_image(image: &Image) -> Value {
    json!({
        "customer": image.customer.as_ref().map(|(id, name)| json!({ "id": id, "name": name })),
        "site": { "id": image.site.0, "name": image.site.1 },
        "customer_rate_plan": image.customer_rate_plan, "customer_rate_pool": image.customer_rate_pool,
        "customer_data_allocation_mb": image.allocation.map(DataAllocation::megabytes),
    })
}
