//! Is the process alive; can it do anything.

use crate::App;
use crate::problem::Problem;
use axum::extract::State;

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// The process answers and its database does, too.
pub(crate) async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    app.ledger.ping().await?;
    Ok("ok\n")
}
