//! What can be set, above all what `rev_io.md` only infers.

use crate::answer::Waits;
use std::collections::BTreeSet;

/// How Rev.io is understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevIoSettings {
    /// How long to wait when Rev.io does not say.
    pub waits: Waits,
    /// What is a guess.
    pub inferred: Inferred,
}

/// Guesses about the live service. Nobody has tried these; each names the section of `rev_io.md` that leaves it open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// A 403 whose message has one of these words, in any case, is a spent daily quota and not a matter of credentials
    /// (C2: Azure's "Out of call volume quota").
    pub quota_words: Vec<String>,
    /// The `error` codes that are believed to refuse. None believes every error of the application's shape, because
    /// `ok: false` says it and the list of codes is not public ("Known unknowns" 3); with a list, a code that is not in
    /// it leaves a write in doubt until somebody has learned it.
    pub refusing_codes: Option<BTreeSet<String>>,
    /// A 4xx of the gateway's shape refuses: Azure makes `{statusCode, message}` itself, before the application is asked
    /// (C4). Off, it leaves a write in doubt.
    pub gateway_refuses: bool,
    /// A `PATCH` or `DELETE` that is answered by 2xx with an empty body has happened. C4 gives the answer of creations
    /// only, so by default it has not been proved, and a read is to look.
    pub empty_answer_proves_change: bool,
    /// Where an inventory item is taken from its customer; C5 leaves out the path's beginning.
    pub unassign_path: String,
}

impl Default for Inferred {
    fn default() -> Self {
        Self {
            quota_words: vec!["quota".to_owned()],
            refusing_codes: None,
            gateway_refuses: true,
            empty_answer_proves_change: false,
            unassign_path: "/InventoryItem/UnassignCustomer".to_owned(),
        }
    }
}

impl Inferred {
    pub(super) fn speaks_of_quota(&self, message: &str) -> bool {
        let message = message.to_lowercase();
        self.quota_words.iter().any(|word| !word.is_empty() && message.contains(&word.to_lowercase()))
    }

    pub(super) fn knows(&self, code: Option<&str>) -> bool {
        self.refusing_codes.as_ref().is_none_or(|codes| code.is_some_and(|code| codes.contains(code)))
    }
}
