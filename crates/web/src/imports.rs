//! Imports: a file comes in as the body, is spooled to disk, and is written block by block.

use crate::App;
use crate::problem::Problem;
use axum::body::Body;
use axum::http::StatusCode;
use database::api_key::Caller;
use futures_util::StreamExt as _;
use intake::Spooled;
use intake::import::{ImportRefusal, Imported, Importing, import};
use serde::Serialize;
use utoipa::ToSchema;

/// What an import came to. `rows` = `created` + `updated` + `unchanged` + `refused`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportResult {
    /// Rows of the file.
    rows: usize,
    /// Rows that made something.
    created: usize,
    /// Rows that changed something.
    updated: usize,
    /// Rows that said what is so already.
    unchanged: usize,
    /// Rows that were not written.
    refused: usize,
    /// The first thousand of them.
    refusals: Vec<ImportRowRefusal>,
    /// Columns of the file that stand for a field.
    columns_used: Vec<String>,
    /// Columns of the file that do not.
    columns_ignored: Vec<String>,
}

/// A row that was not written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportRowRefusal {
    /// Its place in the file, from 1, without the headings.
    row: i32,
    /// The field it is about.
    field: &'static str,
    /// Why: a stable code.
    code: &'static str,
    /// What is particular to this row.
    detail: String,
    /// What to do about it.
    fix: &'static str,
}

/// Spools the body and imports it.
pub(crate) async fn run<What: Importing>(
    app: &App,
    caller: &Caller,
    body: Body,
    what: &What,
) -> Result<axum::Json<ImportResult>, Problem> {
    let spooled = spool(app, body).await?;
    let imported = import(&app.ledger, caller, spooled.path(), what).await?;
    Ok(axum::Json(result(imported)))
}

async fn spool(app: &App, body: Body) -> Result<Spooled, Problem> {
    let mut writing = app.spool.begin(app.ids.next()).await?;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Problem::too_large("The body is larger than 256 MiB, or broke off."))?;
        writing.write(&piece).await?;
    }
    Ok(writing.finish().await?)
}

fn result(done: Imported) -> ImportResult {
    let refusals = done.refusals.into_iter().map(|refusal| ImportRowRefusal {
        row: refusal.row,
        field: refusal.field,
        code: refusal.trouble.code(),
        detail: refusal.detail,
        fix: refusal.trouble.fix(),
    });
    ImportResult {
        rows: done.rows,
        created: done.created,
        updated: done.updated,
        unchanged: done.unchanged,
        refused: done.refused,
        refusals: refusals.collect(),
        columns_used: done.used,
        columns_ignored: done.ignored,
    }
}

impl From<ImportRefusal> for Problem {
    fn from(refusal: ImportRefusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            ImportRefusal::Input(input) => input.into(),
            ImportRefusal::ColumnMissing(..) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "COLUMN_NOT_FOUND", text),
            ImportRefusal::ColumnTwice(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "COLUMN_TWICE", text),
            ImportRefusal::TooManyRows => Self::too_large(text),
            ImportRefusal::Database(error) => error.into(),
            ImportRefusal::Stopped { source, .. } if source.is_outage() => {
                tracing::warn!(error = &source as &dyn std::error::Error, "an import stopped in the middle");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "IMPORT_STOPPED", text)
            }
            ImportRefusal::Stopped { source, .. } => source.into(),
            ImportRefusal::Interrupted { .. } => Self::internal(),
        }
    }
}
