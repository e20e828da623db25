//! How many megabytes a device may use of what its customer pays for.

use crate::decimal::ten_thousandths;
use std::fmt;

/// A data allocation in MB with at most four decimals, as `numeric(25, 4)` holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataAllocation {
    ten_thousandths: i64,
}

/// Not a data allocation: negative, not a number, more than four decimals, or over a billion MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAllocation;

impl DataAllocation {
    /// Reads plain decimal text such as `250`, `0.5` or `1024.0000`.
    ///
    /// # Errors
    /// [`NotAnAllocation`] for anything else; `1e3`, `+5` and `1,000` are not guessed at.
    pub fn parse(text: &str) -> Result<Self, NotAnAllocation> {
        ten_thousandths(text).map(|ten_thousandths| Self { ten_thousandths }).map_err(|_| NotAnAllocation)
    }

    /// In MB; exact for every allocation this type admits.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "under 2^53 by the cap above")]
    pub fn megabytes(self) -> f64 {
        self.ten_thousandths as f64 / 10_000.0
    }
}

impl fmt::Display for DataAllocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}", self.ten_thousandths / 10_000, self.ten_thousandths % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_postgresql_writes() {
        for (text, shown) in
            [("250", "250.0000"), ("0.5", "0.5000"), ("12.3450", "12.3450"), ("1.50000", "1.5000"), (" 7 ", "7.0000")]
        {
            assert_eq!(DataAllocation::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn refuses_what_is_not_certain() {
        for text in ["", "-1", "+1", "1e3", "1,000", ".5", "abc", "1.23456", "1000000000", "1.2.3", "\u{0661}", "NaN"] {
            assert!(DataAllocation::parse(text).is_err(), "{text}");
        }
    }
}
