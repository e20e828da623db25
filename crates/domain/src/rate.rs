//! What a product on a line costs each month.

use crate::decimal::ten_thousandths;
use std::fmt;

/// A rate: not negative, with at most four decimals, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    ten_thousandths: i64,
}

/// Not a rate: negative, not a plain number, more than four decimals, or a billion and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARate;

impl Rate {
    /// Reads plain decimal text such as `12`, `0.5` or `7.2500`. A comma is not guessed at.
    ///
    /// # Errors
    /// [`NotARate`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotARate> {
        ten_thousandths(text).map(|ten_thousandths| Self { ten_thousandths }).map_err(|_| NotARate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}", self.ten_thousandths / 10_000, self.ten_thousandths % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_exact_and_nothing_is_guessed_at() {
        for (text, shown) in [("12", "12.0000"), ("0.5", "0.5000"), ("7.250000", "7.2500"), ("0", "0.0000")] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), shown);
        }
        for text in ["", "-1", "1,5", "1e2", "1.23456", "1000000000", "$5"] {
            assert_eq!(Rate::parse(text), Err(NotARate), "{text}");
        }
    }
}
