//! `GET /audit/verify`

use crate::App;
use crate::auth::Caller;
use crate::paging::Filters;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use database::audit::{Head, verify};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// The number of a seal that you kept, with its `digest`.
    seal_number: Option<i32>,
    /// The digest of that seal, hexadecimal.
    digest: Option<String>,
}

/// What a look at the whole audit trail found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditVerification {
    /// Is everything as it was sealed?
    whole: bool,
    /// Seals that were looked at.
    seals: i64,
    /// Entries under them.
    entries: i64,
    /// Entries that are not sealed yet; they are within a minute or two.
    unsealed: i64,
    /// The last seal. Keep it elsewhere: with it a trail that was cut, or written anew as a whole, is found out.
    #[schema(required)]
    head: Option<AuditHead>,
    /// What is wrong, each a sentence.
    broken: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditHead {
    seal_number: i32,
    /// Hexadecimal.
    digest: String,
}

/// Compute the audit trail's digests again, from the entries as they are
#[utoipa::path(get, path = "/audit/verify", tag = "Audit", operation_id = "verify_audit", params(Query),
    responses((status = OK, body = AuditVerification)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Filters(query): Filters<Query>,
) -> Result<Json<AuditVerification>, Problem> {
    let known = match (query.seal_number, query.digest) {
        (None, None) => None,
        (Some(seal_number), Some(digest)) => Some(Head { seal_number, digest }),
        _ => return Err(Problem::bad_request("QUERY_INVALID", "Send seal_number and digest together.")),
    };
    let found = verify(&app.ledger, caller.tenant, known.as_ref()).await?;
    Ok(Json(AuditVerification {
        whole: found.broken.is_empty(),
        seals: found.seals,
        entries: found.entries,
        unsealed: found.unsealed,
        head: found.head.map(|head| AuditHead { seal_number: head.seal_number, digest: head.digest }),
        broken: found.broken,
    }))
}
