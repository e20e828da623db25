//! `POST /customer-rate-plans/import`

use crate::App;
use crate::auth::Caller;
use crate::imports::{ImportResult, run};
use crate::problem::Problem;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use intake::import::CustomerRatePlans;

/// Import customer rate plans from a CSV or XLSX file: `rate_plan_code`, `rate_plan_name`, `service_provider`, `active`
#[utoipa::path(post, path = "/customer-rate-plans/import", tag = "Customer rate plans",
    operation_id = "import_customer_rate_plans", request_body(content = String, content_type = "text/csv"),
    responses((status = OK, body = ImportResult)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    body: Body,
) -> Result<Json<ImportResult>, Problem> {
    let providers = database::service_provider::all(&app.ledger, caller.tenant).await?;
    run(&app, &caller, body, &CustomerRatePlans { ids: app.ids.clone(), providers }).await
}
