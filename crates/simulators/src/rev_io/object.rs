//! What all objects of Rev.io have in common: their fields by name, and what makes two of them the same in life.

use super::kind::Kind;
use jiff::Timestamp;
use jiff::civil;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;

/// An object of one of Rev.io's collections.
pub trait Object: Serialize + DeserializeOwned + Clone + Send + 'static {
    /// Its collection.
    const KIND: Kind;
    /// Fields that a search finds without looking at every object.
    const INDEXED: &'static [&'static str];

    /// Its id; 0 has none yet.
    fn id(&self) -> i64;
    /// Gives it its id.
    fn set_id(&mut self, id: i64);
    /// Whether the collection has that field.
    fn has(field: &str) -> bool;
    /// What a search compares; nothing if it is null or not a plain value.
    fn plain(&self, field: &str) -> Option<Plain<'_>>;

    /// By what somebody who lost the answer would look for it. Two with the same key are a duplicate.
    fn natural_key(&self) -> String {
        format!("id {}", self.id())
    }

    /// Whether it is still in force.
    fn is_open(&self) -> bool {
        true
    }
}

/// A field's value as searches and sorting see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain<'a> {
    /// An id or a count.
    Whole(i64),
    /// Money or a quantity.
    Number(f64),
    /// Text.
    Text(&'a str),
    /// Yes or no.
    Flag(bool),
    /// A date.
    Instant(Timestamp),
}

impl Plain<'_> {
    /// Whether a search for `wanted` finds it. Text is compared without regard to case (inferred).
    pub(crate) fn is(&self, wanted: &str) -> bool {
        match self {
            Self::Whole(value) => wanted.trim().parse() == Ok(*value),
            Self::Number(value) => wanted.trim().parse() == Ok(*value),
            Self::Text(value) => value.eq_ignore_ascii_case(wanted),
            Self::Flag(value) => wanted.eq_ignore_ascii_case(if *value { "true" } else { "false" }),
            Self::Instant(value) => WireDate::read(wanted).is_some_and(|date| date.0 == *value),
        }
    }

    /// As an index holds it.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Whole(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(value) => value.to_ascii_lowercase(),
            Self::Flag(value) => value.to_string(),
            Self::Instant(value) => value.to_string(),
        }
    }

    /// The order of a sort; a field has values of one sort only.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// A date on the wire. Read in any of the forms clients write (`2026-01-31`, `2026-01-31Z`, with a time, with an offset),
/// written as `2026-01-31T00:00:00Z`; the written form is inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireDate(pub Timestamp);

impl WireDate {
    /// Reads a date; nothing if it is none. Without an offset it is UTC (inferred).
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let day = text.strip_suffix(['Z', 'z']).unwrap_or(text);
        let civil = if day.len() <= 10 {
            day.parse::<civil::Date>().ok()?.to_datetime(civil::Time::midnight())
        } else if let Ok(instant) = text.parse::<Timestamp>() {
            return Some(Self(instant));
        } else {
            day.parse::<civil::DateTime>().ok()?
        };
        Some(Self(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()))
    }

    /// Its day in UTC: dates of services and products are compared by day (inferred).
    #[must_use]
    pub fn day(self) -> civil::Date {
        self.0.to_zoned(jiff::tz::TimeZone::UTC).date()
    }
}

impl From<Timestamp> for WireDate {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for WireDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WireDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is not a date")))
    }
}

/// Money or a quantity. A whole one is written without a fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Deserialize)]
#[serde(transparent)]
pub struct Amount(pub f64);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Up to 2^53 a float holds every whole number exactly.
        if self.0.fract() == 0.0 && self.0.abs() < 9_007_199_254_740_992.0 {
            #[expect(clippy::cast_possible_truncation, reason = "whole, and within what a float holds exactly")]
            return serializer.serialize_i64(self.0 as i64);
        }
        serializer.serialize_f64(self.0)
    }
}

/// A field's type, as searches see it.
pub(crate) trait AsPlain {
    fn as_plain(&self) -> Option<Plain<'_>>;
}

impl AsPlain for i64 {
    fn as_plain(&self) -> Option<Plain<'_>> {
        Some(Plain::Whole(*self))
    }
}

impl AsPlain for bool {
    fn as_plain(&self) -> Option<Plain<'_>> {
        Some(Plain::Flag(*self))
    }
}

impl AsPlain for Amount {
    fn as_plain(&self) -> Option<Plain<'_>> {
        Some(Plain::Number(self.0))
    }
}

impl AsPlain for WireDate {
    fn as_plain(&self) -> Option<Plain<'_>> {
        Some(Plain::Instant(self.0))
    }
}

impl AsPlain for String {
    fn as_plain(&self) -> Option<Plain<'_>> {
        Some(Plain::Text(self))
    }
}

impl<T: AsPlain> AsPlain for Option<T> {
    fn as_plain(&self) -> Option<Plain<'_>> {
        self.as_ref().and_then(AsPlain::as_plain)
    }
}

impl<T> AsPlain for Vec<T> {
    fn as_plain(&self) -> Option<Plain<'_>> {
        None
    }
}

/// Declares an object: the struct with its fields as they are on the wire, and how searches reach them.
macro_rules! object {
    (
        $(#[$doc:meta])*
        $name:ident in $kind:ident by $id:ident, indexed [$($indexed:ident),* $(,)?] {
            $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)?
        }
        $($more:item)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            #[doc = concat!("`", stringify!($id), "`, given by Rev.io; 0 in a fleet takes the next one.")]
            pub $id: i64,
            $($(#[$field_doc])* #[doc = concat!("`", stringify!($field), "` on the wire.")] pub $field: $type,)*
        }

        impl crate::rev_io::object::Object for $name {
            const KIND: crate::rev_io::kind::Kind = crate::rev_io::kind::Kind::$kind;
            const INDEXED: &'static [&'static str] = &[$(stringify!($indexed)),*];

            fn id(&self) -> i64 {
                self.$id
            }

            fn set_id(&mut self, id: i64) {
                self.$id = id;
            }

            fn has(field: &str) -> bool {
                matches!(field, stringify!($id) $(| stringify!($field))*)
            }

            fn plain(&self, field: &str) -> Option<crate::rev_io::object::Plain<'_>> {
                use crate::rev_io::object::AsPlain as _;
                match field {
                    stringify!($id) => self.$id.as_plain(),
                    $(stringify!($field) => self.$field.as_plain(),)*
                    _ => None,
                }
            }

            $($more)*
        }
    };
}
pub(crate) use object;
