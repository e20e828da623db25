//! What `rev_io.md` marks as inferred or unknown and is a behaviour: each is a setting of the account.

use serde::{Deserialize, Serialize};

/// What happens to a page size above the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageSizeAboveMost {
    /// The page is as large as the most.
    #[default]
    Clamp,
    /// 400.
    Refuse,
    /// The page is as large as asked for.
    Allow,
}

/// What happens to a name that Rev.io does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownName {
    /// As if it were not there.
    #[default]
    Ignore,
    /// 400.
    Refuse,
}

/// Behaviours that are guesses. The defaults are the guesses that seem likeliest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inferred {
    /// `search.page_size` above the most (C3; "Known unknowns" 3).
    pub page_size_above_most: PageSizeAboveMost,
    /// `search.<date>_start` exists for every date, as C3 says for dates in general. If not, it is a field that is not known.
    pub search_start_dates: bool,
    /// `search.<date>_end` exists beside `search.<date>_start` (C3).
    pub search_end_dates: bool,
    /// `search.sort=-field` sorts downwards.
    pub descending_sort: bool,
    /// `search.number2` exists (C3; "Known unknowns" 3).
    pub search_by_number2: bool,
    /// `search.<field>` for a field the collection does not have. Ignored, it finds everything.
    pub unknown_search_fields: UnknownName,
    /// A body's field that the call does not have.
    pub unknown_body_fields: UnknownName,
    /// Paths match in any case (C1).
    pub paths_in_any_case: bool,
    /// A `PATCH` of JSON Patch must say `application/json-patch+json` (C5 gives the content type, not what else does).
    pub patch_content_type_required: bool,
    /// An identifier can be in stock once per inventory type.
    pub inventory_identifiers_unique: bool,
    /// A closed customer can be given services, products and charges.
    pub closed_customers_can_be_billed: bool,
    /// A service's customer can be changed by `PATCH`.
    pub service_customer_can_change: bool,
    /// "A service's date may change only if all its products already have that date" (C5) counts products that were
    /// disconnected earlier too. That is the rule as written.
    pub earlier_disconnected_products_count: bool,
}

impl Default for Inferred {
    fn default() -> Self {
        Self {
            page_size_above_most: PageSizeAboveMost::default(),
            search_start_dates: true,
            search_end_dates: true,
            descending_sort: true,
            search_by_number2: true,
            unknown_search_fields: UnknownName::default(),
            unknown_body_fields: UnknownName::default(),
            paths_in_any_case: true,
            patch_content_type_required: true,
            inventory_identifiers_unique: true,
            closed_customers_can_be_billed: false,
            service_customer_can_change: false,
            earlier_disconnected_products_count: true,
        }
    }
}
