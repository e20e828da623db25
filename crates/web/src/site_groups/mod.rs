//! `/site-groups`: groups of sites, to confine API keys to.

pub(crate) mod create;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod members;

use crate::problem::Problem;
use crate::shape::Named;
use database::site_group::{Grouped, SiteGroup};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// A group of sites.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SiteGroup)]
pub(crate) struct Shown {
    id: Uuid,
    name: String,
    /// How many sites are in it.
    site_count: i64,
    /// How many API keys are confined to it.
    api_keys: i64,
}

/// The same with its sites.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SiteGroupWithSites)]
pub(crate) struct ShownWithSites {
    #[serde(flatten)]
    group: Shown,
    sites: Vec<Named>,
}

pub(crate) fn show(group: SiteGroup) -> Shown {
    Shown { id: group.id, name: group.name, site_count: group.sites, api_keys: group.api_keys }
}

/// The most sites that one request names.
const MOST_SITES: usize = 1_000;

/// Sites that were named, each once.
pub(crate) fn named(sites: Vec<Uuid>) -> Result<Vec<Uuid>, Problem> {
    let sites: BTreeSet<Uuid> = sites.into_iter().collect();
    if sites.len() > MOST_SITES {
        return Err(Problem::field("sites", "FIELD_INVALID", "At most 1000 sites a request; send several."));
    }
    Ok(sites.into_iter().collect())
}

/// What became of a wish.
pub(crate) fn grouped(grouped: Grouped) -> Result<(), Problem> {
    match grouped {
        Grouped::Done => Ok(()),
        Grouped::NotFound => Err(Problem::not_found()),
        Grouped::Taken => Err(crate::edits::name_taken()),
        Grouped::SiteNotFound => {
            Err(Problem::field("sites", "SITE_NOT_FOUND", "One of these sites is not this tenant's."))
        }
    }
}
