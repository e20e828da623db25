//! The addresses of a name, and which of them may be connected to. What is checked is what is connected to: the look-up's own
//! answer goes to the connection, so that a name that answers differently the second time gains nothing.

use domain::webhook_address::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

/// Finds the addresses of a name; a port of 0 stands for the address's own.
pub type Lookup =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync>;

/// The look-up of this machine.
#[must_use]
pub fn system_lookup() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

/// A name led to an address that must not be connected to.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
pub(super) struct Forbidden;

/// Looks names up, and gives out none if one of their addresses is not public.
pub(super) struct PublicOnly {
    lookup: Lookup,
    also_inside: bool,
}

impl PublicOnly {
    pub(super) const fn new(lookup: Lookup) -> Self {
        Self { lookup, also_inside: false }
    }

    /// For names that the installation names itself.
    pub(super) const fn wherever(lookup: Lookup) -> Self {
        Self { lookup, also_inside: true }
    }
}

impl fmt::Debug for PublicOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicOnly").field("also_inside", &self.also_inside).finish_non_exhaustive()
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = (self.lookup)(name.as_str().to_owned());
        let also_inside = self.also_inside;
        Box::pin(async move {
            let found = looking.await?;
            if !also_inside && !found.iter().all(|address| is_public(address.ip())) {
                return Err(Forbidden.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
