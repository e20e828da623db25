//! Money and quantities, to the last digit.
//!
//! A JSON number that serde hands over as `f64` has lost digits already, `rust_decimal` reads numbers that way too unless
//! `serde_json/arbitrary_precision` is on, and that feature changes how every crate of the workspace sees a number. So
//! the number's text is taken (`RawValue`, a feature that changes nothing else and that axum and sqlx turn on anyway) and
//! read here.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::str::FromStr;

/// An exact decimal. Equal amounts are equal however they were written: `1.50`, `1.5` and `15e-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    /// Without zeros at the end while there is a scale.
    unscaled: i128,
    /// How many of the digits are decimals.
    scale: u8,
}

/// Not a decimal number, or one of more digits than money has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most 28 digits")]
pub struct NotAnAmount;

const MOST_DIGITS: usize = 28;
const MOST_EXPONENT: i32 = 28;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self { unscaled: 0, scale: 0 };

    /// Whether it is below nothing.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.unscaled < 0
    }
}

impl From<i64> for Amount {
    fn from(whole: i64) -> Self {
        Self { unscaled: i128::from(whole), scale: 0 }
    }
}

impl FromStr for Amount {
    type Err = NotAnAmount;

    /// As JSON writes a number; nothing else is guessed at.
    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let (negative, number) = text.strip_prefix('-').map_or((false, text), |number| (true, number));
        let (number, exponent) = match number.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent_of(exponent)?),
            None => (number, 0),
        };
        let (whole, decimals) = match number.split_once('.') {
            Some((_, "")) => return Err(NotAnAmount),
            Some(parts) => parts,
            None => (number, ""),
        };
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (given, decimals) = (whole, decimals.trim_end_matches('0'));
        let whole = whole.trim_start_matches('0');
        if given.is_empty() || !is_digits(whole) || !is_digits(decimals) || whole.len() + decimals.len() > MOST_DIGITS {
            return Err(NotAnAmount);
        }
        let unscaled: i128 = format!("0{whole}{decimals}").parse().map_err(|_| NotAnAmount)?;
        let scale = i32::try_from(decimals.len()).map_err(|_| NotAnAmount)? - exponent;
        Self::normal(if negative { -unscaled } else { unscaled }, scale)
    }
}

fn exponent_of(text: &str) -> Result<i32, NotAnAmount> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotAnAmount);
    }
    let exponent: i32 = text.parse().map_err(|_| NotAnAmount)?;
    if exponent.abs() > MOST_EXPONENT { Err(NotAnAmount) } else { Ok(exponent) }
}

impl Amount {
    fn normal(mut unscaled: i128, mut scale: i32) -> Result<Self, NotAnAmount> {
        while scale < 0 {
            unscaled = unscaled.checked_mul(10).ok_or(NotAnAmount)?;
            scale += 1;
        }
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        if unscaled.unsigned_abs() >= 10_u128.pow(28) {
            return Err(NotAnAmount);
        }
        Ok(Self { unscaled, scale: u8::try_from(scale).map_err(|_| NotAnAmount)? })
    }
}

impl fmt::Display for Amount {
    /// Plain decimal text, as JSON and PostgreSQL read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let scale = usize::from(self.scale);
        let digits = format!("{:0>width$}", self.unscaled.unsigned_abs(), width = scale + 1);
        match digits.split_at_checked(digits.len() - scale) {
            Some((whole, decimals)) if scale > 0 => write!(f, "{sign}{whole}.{decimals}"),
            _ => write!(f, "{sign}{digits}"),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    /// From a number, or from a string that holds one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        inner.trim().parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_json_writes_and_writes_it_plainly() {
        for (text, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("1.50", "1.5"),
            ("15e-1", "1.5"),
            ("1E3", "1000"),
            ("-0.05", "-0.05"),
            ("100", "100"),
            ("0.1000000000000000055511151231", "0.1000000000000000055511151231"),
            ("79228162514264337593543950.35", "79228162514264337593543950.35"),
        ] {
            let amount: Amount = text.parse().unwrap();
            assert_eq!(amount.to_string(), shown);
            assert_eq!(serde_json::to_string(&amount).unwrap(), shown);
            assert_eq!(serde_json::from_str::<Amount>(text).unwrap(), amount);
            assert_eq!(serde_json::from_str::<Amount>(&format!("\"{text}\"")).unwrap(), amount);
        }
    }

    #[test]
    fn refuses_what_is_not_a_number() {
        for text in ["", "-", ".5", "5.", "1e", "1e99", "1e999999999999", "+1", "1,0", "NaN", "0x1", "\u{0661}", "1 2"]
        {
            assert_eq!(text.parse::<Amount>(), Err(NotAnAmount), "{text}");
        }
        for json in ["true", "[1]", "{}", "\"\"", "\"abc\"", "123456789012345678901234567890"] {
            assert!(serde_json::from_str::<Amount>(json).is_err(), "{json}");
        }
        assert_eq!(serde_json::from_str::<Option<Amount>>("null").unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_digit_is_lost(whole in 0_u64..=9_999_999_999_999_999, decimals in "[0-9]{0,10}[1-9]") {
            let text = format!("{whole}.{decimals}");
            prop_assert_eq!(text.parse::<Amount>().unwrap().to_string(), text);
        }

        #[test]
        fn no_text_makes_it_fail(text in ".*") {
            let _ = text.parse::<Amount>();
        }
    }
}
