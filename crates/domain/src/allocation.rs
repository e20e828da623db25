//! How many megabytes a device may use of what its customer pays for.

use std::fmt;

/// A data allocation in MB with at most four decimals, as `numeric(25, 4)` holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataAllocation {
    ten_thousandths: i64,
}

/// Not a data allocation: negative, not a number, more than four decimals, or over a billion MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAllocation;

/// The most that is believed: just under a petabyte.
const MOST_MB: i64 = 999_999_999;

impl DataAllocation {
    /// Reads plain decimal text such as `250`, `0.5` or `1024.0000`.
    ///
    /// # Errors
    /// [`NotAnAllocation`] for anything else; `1e3`, `+5` and `1,000` are not guessed at.
    pub fn parse(text: &str) -> Result<Self, NotAnAllocation> {
        let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
        // Zeros at the end say nothing; PostgreSQL writes four decimals.
        let decimals = if decimals.len() > 4 { decimals.trim_end_matches('0') } else { decimals };
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || whole.len() > 9 || decimals.len() > 4 || (!decimals.is_empty() && !digits(decimals)) {
            return Err(NotAnAllocation);
        }
        let whole: i64 = whole.parse().map_err(|_| NotAnAllocation)?;
        let fraction: i64 = format!("{decimals:0<4}").parse().map_err(|_| NotAnAllocation)?;
        if whole > MOST_MB {
            return Err(NotAnAllocation);
        }
        Ok(Self { ten_thousandths: whole * 10_000 + fraction })
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
