//! Writing what plans are made against (sites, customers, offers, devices): how many rows of a batch became what, and which
//! could not.

/// What is done with a row whose key is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExisting {
    /// It is refused: somebody makes one new thing.
    Refuse,
    /// What the row says is written; what it does not say stays.
    Update,
}

/// Why a row of a batch was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteRefusal {
    /// The name, code or number is another's.
    Taken,
    /// The site is another customer's: a site never changes hands.
    SiteOfAnotherCustomer,
    /// A device that is new needs its status.
    StatusMissing,
    /// The same ICCID is stored with, or without, its check digit.
    StoredAs(String),
    /// The tenant has no such device; another's is the same answer.
    DeviceNotFound,
    /// The ICCID is at several service providers.
    DeviceAmbiguous,
    /// The device is archived.
    DeviceArchived,
    /// Another agent has it.
    WithAnotherAgent,
    /// The agent has assigned it to a customer of its own.
    AssignedByAgent,
    /// A change is under way with it.
    UnderWay,
}

/// How a batch ended. Rows that are in neither count nor list were as asked already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows that made something.
    pub created: usize,
    /// Rows that changed something.
    pub updated: usize,
    /// Rows that were not written, by their number.
    pub refused: Vec<(i32, WriteRefusal)>,
}

/// How an edit of one thing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// Written, or as asked already.
    Done,
    /// This tenant has no such thing.
    NotFound,
    /// It is not what the caller last saw.
    Moved,
    /// The name is another's.
    Taken,
}

/// What an update by id and validator came to, told from how many rows it wrote and whether the thing is there.
pub(crate) const fn edited(written: u64, exists: bool) -> Edited {
    match (written, exists) {
        (0, false) => Edited::NotFound,
        (0, true) => Edited::Moved,
        _ => Edited::Done,
    }
}

/// A name that is taken is an answer, not an error.
pub(crate) fn taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
