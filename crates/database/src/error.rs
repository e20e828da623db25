//! What a failed statement means for who sent it: a decision, not a driver's message.

use std::borrow::Cow;

/// Short for results of this crate.
pub type Result<T, E = DatabaseError> = std::result::Result<T, E>;

/// What can go wrong between us and PostgreSQL, by what the caller is to do.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// `ZA001`: somebody else holds the chunk, or the lease ran out. Stop; write nothing more of it.
    #[error("the lease of the chunk is lost")]
    LeaseLost,
    /// `ZA002`: no such plan in this tenant.
    #[error("no such plan")]
    PlanNotFound,
    /// `ZA003`: still planning, or planning failed.
    #[error("the plan is not ready")]
    PlanNotReady,
    /// `ZA004`: the plan is too old to be applied.
    #[error("the plan has expired")]
    PlanExpired,
    /// `ZA005`: the plan has no row with verdict CHANGE.
    #[error("the plan has nothing to change")]
    NothingToChange,
    /// `ZA006`: it was applied before.
    #[error("the plan was already applied")]
    AlreadyApplied,
    /// `ZA011`: the bulk change is not in a state for this.
    #[error("the bulk change is not in a state for this")]
    WrongState,
    /// Classes 22, 23 and our own: a row's data. Trying again changes nothing.
    #[error("the database refused the data (SQLSTATE {sqlstate})")]
    Data {
        /// The five characters.
        sqlstate: String,
        /// What PostgreSQL said; for logs, not for clients.
        #[source]
        source: sqlx::Error,
    },
    /// Classes 08, 40, 53, 55, 57, 58, a cut connection, an exhausted pool: the same may work later.
    #[error("the database is not available for this right now")]
    Outage(#[source] sqlx::Error),
    /// A stored value that no code of ours writes.
    #[error("{table}.{column} holds {value:?}, which nothing writes")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// Anything else: a defect of ours.
    #[error("the statement failed")]
    Defect(#[source] sqlx::Error),
}

impl DatabaseError {
    /// May the same statement work if it is sent again?
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Outage(_))
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        let sqlstate = match &error {
            sqlx::Error::Database(answer) => answer.code().map(Cow::into_owned),
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_)
            | sqlx::Error::Tls(_) => return Self::Outage(error),
            _ => return Self::Defect(error),
        };
        let Some(sqlstate) = sqlstate else { return Self::Defect(error) };
        match sqlstate.as_str() {
            "ZA001" => Self::LeaseLost,
            "ZA002" => Self::PlanNotFound,
            "ZA003" => Self::PlanNotReady,
            "ZA004" => Self::PlanExpired,
            "ZA005" => Self::NothingToChange,
            "ZA006" => Self::AlreadyApplied,
            "ZA011" => Self::WrongState,
            state => match &state[..2] {
                "22" | "23" | "ZA" => Self::Data { sqlstate, source: error },
                "08" | "40" | "53" | "55" | "57" | "58" => Self::Outage(error),
                _ => Self::Defect(error),
            },
        }
    }
}
