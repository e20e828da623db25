//! Reading ICCIDs from what people paste: normalise what is certain, refuse what is not, never guess which SIM was meant.

use crate::reason::{Reason, Refusal};

/// An ICCID as text: 18 to 22 digits (ITU-T E.118: at most 19 and a check digit; carriers print 18 to 22).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iccid(String);

/// The longest cell that is looked at. A longer one is refused, not cut.
pub const LONGEST_CELL: usize = 64;

impl Iccid {
    /// Reads one cell.
    ///
    /// Taken away, because it is certain: white space and separators inside the number, quotes around it, the `="…"` with
    /// which spreadsheets keep text, and the trailing `F` that pads an odd number of digits on the SIM.
    ///
    /// # Errors
    /// A [`Refusal`] with the code and what was seen.
    pub fn read(cell: &str) -> Result<Self, Refusal> {
        if cell.len() > LONGEST_CELL {
            return Err(Refusal::about(Reason::FieldTooLong, format!("{} bytes, at most {LONGEST_CELL}", cell.len())));
        }
        let bare = cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let bare = bare.strip_prefix('=').filter(|rest| rest.starts_with('"') && rest.ends_with('"')).unwrap_or(bare);
        let bare = bare.trim_matches(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}')
        });
        if is_scientific(bare) {
            return Err(Refusal::about(Reason::IccidExcelRounded, format!("read {bare}")));
        }
        let mut digits: String =
            bare.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{a0}' | '\u{200b}')).collect();
        if digits.ends_with(['F', 'f']) {
            digits.pop();
        }
        if digits.is_empty() {
            return Err(Refusal::about(Reason::IccidMalformed, "the cell is empty"));
        }
        if let Some(odd) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return Err(Refusal::about(Reason::IccidMalformed, format!("{:?} is not a digit", odd)));
        }
        if !(18..=22).contains(&digits.len()) {
            return Err(Refusal::about(Reason::IccidMalformed, format!("{} digits", digits.len())));
        }
        Ok(Self(digits))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The other way the same number is written: with its check digit if it came without, without if it came with.
    ///
    /// Only for 19 digits (no check digit yet) and for 20 digits whose check digit fits; both are certain, because the
    /// check digit follows from the rest. A stored ICCID that equals the input always wins over this.
    #[must_use]
    pub fn other_form(&self) -> Option<String> {
        match self.0.len() {
            19 => Some(format!("{}{}", self.0, check_digit(&self.0))),
            20 if self.check_digit_fits() => Some(self.0[..19].to_owned()),
            _ => None,
        }
    }

    /// Does the last digit follow from the others by the Luhn rule (ISO/IEC 7812-1)?
    #[must_use]
    pub fn check_digit_fits(&self) -> bool {
        let (body, last) = self.0.split_at(self.0.len() - 1);
        last == check_digit(body).to_string()
    }

    /// Why nothing is stored under this ICCID, as far as its digits can tell. Only ever explains a miss.
    #[must_use]
    pub fn explain_miss(&self) -> Reason {
        // A spreadsheet keeps 15 significant digits and writes zeros for the rest.
        if self.0[15..].bytes().all(|b| b == b'0') {
            Reason::IccidExcelRounded
        } else if self.0.len() == 20 && !self.check_digit_fits() {
            Reason::IccidCheckDigit
        } else {
            Reason::DeviceNotFound
        }
    }
}

/// The Luhn check digit for these digits (ISO/IEC 7812-1).
#[must_use]
pub fn check_digit(body: &str) -> u8 {
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, b)| {
            let digit = u32::from(b.wrapping_sub(b'0'));
            if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit }
        })
        .sum();
    u8::try_from((10 - sum % 10) % 10).unwrap_or(0)
}

/// `8.93E+19` and its kind, with a decimal comma too: what a spreadsheet shows of a long number.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let exponent = exponent.trim_start_matches(['+', '-']);
    !mantissa.is_empty()
        && mantissa.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
        && !exponent.is_empty()
        && exponent.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str) -> Result<String, Reason> {
        Iccid::read(cell).map(|i| i.0).map_err(|r| r.reason)
    }

    #[test]
    fn what_is_certain_is_normalised() {
        for cell in [
            "89148000001234567896",
            " 8914 8000 0012 3456 7896 ",
            "\"89148000001234567896\"",
            "'89148000001234567896",
            "=\"89148000001234567896\"",
            "8914-8000-0012-3456-7896",
            "\u{feff}89148000001234567896",
            "\u{201c}89148000001234567896\u{201d}",
        ] {
            assert_eq!(read(cell).as_deref(), Ok("89148000001234567896"), "{cell:?}");
        }
        assert_eq!(read("8914800000123456789F").as_deref(), Ok("8914800000123456789"));
    }

    #[test]
    fn what_is_not_certain_is_refused_with_its_code() {
        for (cell, reason) in [
            ("8.93E+19", Reason::IccidExcelRounded),
            ("8,93e19", Reason::IccidExcelRounded),
            ("", Reason::IccidMalformed),
            ("  ", Reason::IccidMalformed),
            ("12345", Reason::IccidMalformed),
            ("89148000001234567896123", Reason::IccidMalformed),
            ("8914800000123456789O", Reason::IccidMalformed),
            ("891480000012345678.0", Reason::IccidMalformed),
            ("=1+1", Reason::IccidMalformed),
            ("=HYPERLINK(\"http://example.org\")", Reason::IccidMalformed),
            ("8914800000\u{0}1234567896", Reason::IccidMalformed),
            ("\u{0668}9148000001234567896", Reason::IccidMalformed),
        ] {
            assert_eq!(read(cell), Err(reason), "{cell:?}");
        }
        assert_eq!(read(&"9".repeat(65)), Err(Reason::FieldTooLong));
    }

    #[test]
    fn the_other_form_adds_or_drops_the_check_digit_and_nothing_else() {
        let short = Iccid::read("8914800000123456789").unwrap();
        let long = Iccid::read(&short.other_form().unwrap()).unwrap();
        assert!(long.check_digit_fits());
        assert_eq!(long.other_form().as_deref(), Some(short.as_str()));
        let wrong =
            (b'0'..=b'9').map(|d| format!("{}{}", short.as_str(), char::from(d))).find(|s| s != long.as_str()).unwrap();
        assert_eq!(Iccid::read(&wrong).unwrap().other_form(), None);
    }

    #[test]
    fn a_miss_is_explained_by_the_digits() {
        assert_eq!(Iccid::read("89148000001234500000").unwrap().explain_miss(), Reason::IccidExcelRounded);
        let body = "8914800000123456789";
        let good = format!("{body}{}", check_digit(body));
        assert_eq!(Iccid::read(&good).unwrap().explain_miss(), Reason::DeviceNotFound);
        let bad = format!("{body}{}", (check_digit(body) + 1) % 10);
        assert_eq!(Iccid::read(&bad).unwrap().explain_miss(), Reason::IccidCheckDigit);
    }
}
