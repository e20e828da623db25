//! A person's hand on a bulk change: pause, resume, cancel. One function per procedure, of the same name.

use crate::api_key::Caller;
use crate::{Ledger, Result};
use uuid::Uuid;

/// `pause_bulk_change`: no further chunk is begun.
///
/// # Errors
/// `PlanNotFound` if there is none, `WrongState`, or the database does not answer.
pub async fn pause_bulk_change(ledger: &Ledger, caller: &Caller, id: Uuid) -> Result<()> {
    let mut transaction = ledger.web(caller.tenant).await?;
    sqlx::query!("select app.pause_bulk_change($1, $2, $3)", caller.tenant.0, id, caller.actor())
        .fetch_one(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

/// `resume_bulk_change`: what was paused goes on.
///
/// # Errors
/// `PlanNotFound` if there is none, `WrongState`, or the database does not answer.
pub async fn resume_bulk_change(ledger: &Ledger, caller: &Caller, id: Uuid) -> Result<()> {
    let mut transaction = ledger.web(caller.tenant).await?;
    sqlx::query!("select app.resume_bulk_change($1, $2, $3)", caller.tenant.0, id, caller.actor())
        .fetch_one(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

/// `cancel_bulk_change`: rows that have not begun are cancelled; what is done stays done.
///
/// # Errors
/// `PlanNotFound` if there is none, `WrongState`, or the database does not answer.
pub async fn cancel_bulk_change(ledger: &Ledger, caller: &Caller, id: Uuid) -> Result<()> {
    let mut transaction = ledger.web(caller.tenant).await?;
    sqlx::query!("select app.cancel_bulk_change($1, $2, $3)", caller.tenant.0, id, caller.actor())
        .fetch_one(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}
