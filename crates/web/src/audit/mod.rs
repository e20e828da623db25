//! `/audit`: who did what, and whether the trail is whole.

pub(crate) mod list;
pub(crate) mod verify;
