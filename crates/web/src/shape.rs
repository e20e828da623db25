//! Shapes that several answers share.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A thing named beside another: its id, to ask for it, and its name, to read it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Named {
    pub(crate) id: Uuid,
    pub(crate) name: String,
}
