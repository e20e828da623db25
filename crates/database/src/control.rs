//! A person's hand on a bulk change: pause, resume, cancel. One function per procedure, of the same name.

use crate::api_key::Caller;
use crate::ledger::TenantTransaction;
use crate::{Ledger, Result};
use uuid::Uuid;

/// `pause_bulk_change`: no further chunk is begun.
///
/// # Errors
/// `PlanNotFound` if there is none, `WrongState`, or the database does not answer.
pub async fn pause_bulk_change(ledger: &Ledger, caller: &Caller, id: Uuid) -> Result<()> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let acted = sqlx::query!("select app.pause_bulk_change($1, $2, $3)", caller.tenant.0, id, caller.actor())
        .fetch_one(&mut *transaction)
        .await;
    end(transaction, acted).await?;
    Ok(())
}

/// `resume_bulk_change`: what was paused goes on.
///
/// # Errors
/// `PlanNotFound` if there is none, `WrongState`, or the database does not answer.
pub async fn resume_bulk_change(ledger: &Ledger, caller: &Caller, id: Uuid) -> Result<()> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let acted = sqlx::query!("select app.resume_bulk_change($1, $2, $3)", caller.tenant.0, id, caller.actor())
        .fetch_one(&mut *transaction)
        .await;
    end(transaction, acted).await?;
    Ok(())
}

/// `cancel_bulk_change`: rows that have not begun are cancelled; what is done stays done.
///
/// # Errors
/// `PlanNotFound` if there is none, `WrongState`, or the database does not answer.
pub async fn cancel_bulk_change(ledger: &Ledger, caller: &Caller, id: Uuid) -> Result<()> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let acted = sqlx::query!("select app.cancel_bulk_change($1, $2, $3)", caller.tenant.0, id, caller.actor())
        .fetch_one(&mut *transaction)
        .await;
    end(transaction, acted).await?;
    Ok(())
}

/// Ends the transaction before anybody hears of it, also one that was refused: the server says no before it lets go of the
/// locks, and a worker that asks just then passes over what is locked.
async fn end<T>(transaction: TenantTransaction, acted: sqlx::Result<T>) -> Result<T> {
    match acted {
        Ok(answer) => {
            transaction.commit().await?;
            Ok(answer)
        }
        Err(refused) => {
            transaction.rollback().await?;
            Err(refused.into())
        }
    }
}

/// What a person decides on a row that needs attention. See the procedure's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything asked for has happened outside.
    Processed,
    /// Nothing of it has, or it was put right.
    Failed,
    /// A worker is to look again.
    LookAgain,
    /// This is what was made.
    Adopt(i64),
    /// If nothing is there, once more.
    SendAgain,
    /// What was done is to be taken back.
    TakeBack,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Failed => "failed",
            Self::LookAgain => "look_again",
            Self::Adopt(_) => "adopt",
            Self::SendAgain => "send_again",
            Self::TakeBack => "take_back",
        }
    }
}

/// How a person found a row that needs attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// What was decided.
    pub outcome: Outcome,
    /// Why the person thinks so.
    pub reason: String,
    /// More.
    pub comment: String,
}

/// `resolve_rows`: decides on rows that need attention. Answers how many it took.
///
/// # Errors
/// `PlanNotFound` if there is no such change, or the database does not answer.
pub async fn resolve_rows(
    ledger: &Ledger,
    caller: &Caller,
    id: Uuid,
    rows: &[i32],
    resolution: &Resolution,
) -> Result<i32> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let closed = sqlx::query_scalar!(
        "select app.resolve_rows($1, $2, $3, $4, $5, $6, $7, $8) as \"closed!\"",
        caller.tenant.0,
        id,
        rows,
        resolution.outcome.word(),
        match resolution.outcome {
            Outcome::Adopt(made) => Some(made),
            _ => None,
        },
        resolution.reason,
        resolution.comment,
        caller.actor()
    )
    .fetch_one(&mut *transaction)
    .await;
    end(transaction, closed).await
}
