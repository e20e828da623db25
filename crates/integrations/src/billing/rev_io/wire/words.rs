//! Rev.io's status words (`rev_io.md` C7). A word that is not known is kept as it is, and is never taken for a known one.

use serde::{Deserialize, Deserializer};

macro_rules! status {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
            /// A word that is not public.
            Unlisted(String),
        }

        impl $name {
            /// The word, as on the wire.
            #[must_use]
            pub fn word(&self) -> &str {
                match self { $(Self::$variant => $word,)* Self::Unlisted(word) => word }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                Ok(match word.to_ascii_uppercase().as_str() { $($word => Self::$variant,)* _ => Self::Unlisted(word) })
            }
        }
    };
}

status! {
    /// Whether a product on a service is billed.
    ServiceProductStatus {
        /// Waits for its date.
        Pending = "PENDING",
        /// Is billed.
        Active = "ACTIVE",
        /// Was not taken.
        Denied = "DENIED",
        /// Is not billed any more.
        Disconnected = "DISCONNECTED",
    }
}

status! {
    /// A customer's status. The full set is not public.
    CustomerStatus {
        /// The account is closed.
        Closed = "CLOSED",
    }
}

status! {
    /// An inventory item's status. There are others.
    InventoryStatus {
        /// May be assigned.
        Available = "AVAILABLE",
        /// Is on a service.
        Assigned = "ASSIGNED",
    }
}

impl ServiceProductStatus {
    /// Whether it is out of force for good. A word that is not known is not: taking it for gone would bill twice.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Denied | Self::Disconnected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_unlisted_ones_kept() {
        let read = |json: &str| serde_json::from_str::<ServiceProductStatus>(json).unwrap();
        assert_eq!(read("\"Active\""), ServiceProductStatus::Active);
        assert_eq!(read("\"On Hold\"").word(), "On Hold");
        assert!(!read("\"On Hold\"").is_over());
        assert!(read("\"DISCONNECTED\"").is_over());
    }
}
