//! Who looks at a page: what the entrance has found out, for whoever writes the page.

use super::fields::Fields;
use super::upload::Upload;
use crate::auth::{Allowed, Caller};
use crate::problem::Problem;
use crate::signing_in::SignedIn;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::net::IpAddr;
use std::sync::Arc;

/// Who looks, and how they like it.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// Who is signed in; on pages that are open to anybody perhaps nobody.
    pub(crate) signed_in: Option<SignedIn>,
    /// What every form of the page carries.
    pub(crate) form_token: String,
    /// From where.
    pub(crate) address: IpAddr,
    /// With which browser, as it says.
    pub(crate) user_agent: String,
    /// What the form sent.
    pub(crate) fields: Arc<Fields>,
    /// The rest of a form that carries a file.
    pub(crate) upload: Option<Upload>,
    /// `light`, `dark`, or nothing.
    pub(crate) theme: &'static str,
    /// May single keys do something?
    pub(crate) shortcuts: bool,
    /// This page, with its query.
    pub(crate) path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::internal)
    }
}

/// Somebody who is signed in.
pub(crate) struct Member {
    pub(crate) visitor: Visitor,
    pub(crate) signed_in: SignedIn,
}

impl Member {
    pub(crate) const fn caller(&self) -> Caller {
        Caller(self.signed_in.caller)
    }

    pub(crate) fn allowed(&self) -> Allowed {
        Allowed(Arc::clone(&self.signed_in.rights))
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.visitor.fields
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let visitor = Visitor::from_request_parts(parts, state).await?;
        // Nobody who was not let in gets as far as this.
        let signed_in = visitor.signed_in.clone().ok_or_else(Problem::unauthorized)?;
        Ok(Self { visitor, signed_in })
    }
}
