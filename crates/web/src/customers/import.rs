//! `POST /customers/import`

use crate::App;
use crate::auth::Caller;
use crate::imports::{ImportResult, run};
use crate::problem::Problem;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use intake::import::Customers;

/// Import customers from a CSV or XLSX file: `name`, `rev_customer_id` (empty: AMOP), `account`, `closed`
#[utoipa::path(post, path = "/customers/import", tag = "Customers", operation_id = "import_customers",
    request_body(content = String, content_type = "text/csv"), responses((status = OK, body = ImportResult)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    body: Body,
) -> Result<Json<ImportResult>, Problem> {
    let accounts = database::customer::accounts(&app.ledger, caller.tenant).await?;
    run(&app, &caller, body, &Customers { ids: app.ids.clone(), accounts }).await
}
