//! `POST /callbacks/{provider}/{token}`: what carriers call back with. Open to anybody: no key, no session, no form. Who has the token
//! of an account and its words is let in by a pure function of `integrations`; everybody else has one answer, whatever is wrong.
//!
//! What is let in is kept and says which SIMs to read sooner. It never says what has become of one.

use crate::App;
use crate::problem::Problem;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use database::carrier::{GateDigests, NewCallback};
use domain::secret_token::sha256;
use integrations::carriers::{CallbackGate, CallbackWord, CarrierKind, MOST_CALLBACK_BYTES};

/// A carrier tells what has become of a request
///
/// For carriers alone: the token in the path and the user name and the password in the body are those that Ascribe registered
/// there. Whatever of that is wrong, or cannot be read, the answer is the same 404. The content type does not matter.
#[utoipa::path(post, path = "/callbacks/{provider}/{token}", tag = "Callbacks of carriers", operation_id = "hear_carrier",
    params(("provider" = String, Path, description = "Such as `thingspace`."), ("token" = String, Path)),
    request_body(content = Object, description = "The carrier's own JSON, at most 64 KiB.", content_type = "application/json"),
    responses((status = NO_CONTENT, description = "It is kept, and its SIMs are read sooner.")),
    security(()))]
pub(crate) async fn handle(
    State(app): State<App>,
    Path((provider, token)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let body = read(request).await?;
    let kind = CarrierKind::from_word(&provider);
    let kept = database::carrier::callback_gate(&app.ledger, &sha256(&token)).await?;
    // Where nobody has the token it is compared all the same: with what nothing has as its digest.
    let gate = kept.map_or(CallbackGate { token: [0; 32], username: [0; 32], password: [0; 32] }, |kept| {
        CallbackGate { token: kept.token, username: kept.username, password: kept.password }
    });
    let admitted = match kind.unwrap_or(CarrierKind::ThingSpace).admit(&gate, &token, &body) {
        Ok(admitted) => admitted,
        Err(why) => {
            // Which account it was meant for is told to nobody but the log.
            let meant = kept.map(|kept| kept.service_provider.to_string());
            tracing::warn!(service_provider = meant, why = %why, "a callback was not let in");
            return Err(Problem::not_found());
        }
    };
    let (Some(GateDigests { tenant, service_provider, .. }), Some(_)) = (kept, kind) else {
        return Err(Problem::not_found());
    };
    app.limits.take_callback(service_provider)?;
    let (word, code) = match &admitted.word {
        CallbackWord::Success => ("SUCCESS", None),
        CallbackWord::Failed { code, .. } => ("FAILED", code.as_deref()),
        CallbackWord::Unlisted(_) => ("OTHER", None),
    };
    let callback =
        NewCallback { request_id: &admitted.request_id, iccids: &admitted.iccids, word, code, body: &admitted.body };
    let sooner = database::carrier::hear(&app.ledger, &app.ids, (tenant, service_provider), &callback).await?;
    tracing::debug!(%service_provider, request = admitted.request_id, word, sooner, "a callback was let in");
    Ok(StatusCode::NO_CONTENT)
}

/// The body, if it is not too long: one that says so is not waited for, and one that does not say is left where it becomes so.
async fn read(request: Request) -> Result<Bytes, Problem> {
    let too_long = || Problem::too_large("A callback has at most 64 KiB, or this one broke off.");
    let said =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|length| length > MOST_CALLBACK_BYTES as u64) {
        return Err(too_long());
    }
    to_bytes(request.into_body(), MOST_CALLBACK_BYTES).await.map_err(|_| too_long())
}
