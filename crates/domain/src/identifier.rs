//! What names a SIM in an input: its ICCID, or its subscriber number (MSISDN).

use crate::iccid::{Iccid, LONGEST_CELL};
use crate::reason::{Reason, Refusal};

/// What a cell was read as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// 18 to 22 digits.
    Iccid(Iccid),
    /// 7 to 15 digits (ITU-T E.164).
    SubscriberNumber(SubscriberNumber),
}

/// A subscriber number: 7 to 15 digits, as text, without the `+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberNumber(String);

/// What a column of an input holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Headed as ICCIDs: nothing else is taken for one.
    Iccids,
    /// Headed as subscriber numbers.
    SubscriberNumbers,
    /// Not headed: each cell is what its number of digits says.
    Either,
}

impl SubscriberNumber {
    /// Reads one cell: `+`, white space, brackets, dots and hyphens go, and the `="…"` and quotes of spreadsheets.
    ///
    /// # Errors
    /// A [`Refusal`] with the code and what was seen.
    pub fn read(cell: &str) -> Result<Self, Refusal> {
        if cell.len() > LONGEST_CELL {
            return Err(Refusal::about(Reason::FieldTooLong, format!("{} bytes, at most {LONGEST_CELL}", cell.len())));
        }
        let bare = cell.trim();
        let bare = bare.strip_prefix('=').filter(|rest| rest.starts_with('"') && rest.ends_with('"')).unwrap_or(bare);
        let bare = bare.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        let bare = bare.strip_prefix('+').unwrap_or(bare);
        let digits: String =
            bare.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.' | '(' | ')' | '\u{a0}')).collect();
        if let Some(odd) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return Err(Refusal::about(Reason::NumberMalformed, format!("{odd:?} is not a digit")));
        }
        if !(7..=15).contains(&digits.len()) {
            return Err(Refusal::about(Reason::NumberMalformed, format!("{} digits", digits.len())));
        }
        Ok(Self(digits))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same number with or without the North American country code: ten digits, or 1 and ten digits. The original links
    /// billed lines to devices by the same rule (reference: domain 3.5).
    #[must_use]
    pub fn other_form(&self) -> Option<String> {
        match (self.0.len(), self.0.strip_prefix('1')) {
            (10, _) => Some(format!("1{}", self.0)),
            (11, Some(ten)) => Some(ten.to_owned()),
            _ => None,
        }
    }
}

impl Identifier {
    /// Reads one cell of such a column.
    ///
    /// # Errors
    /// A [`Refusal`] with the code and what was seen.
    pub fn read(cell: &str, column: Column) -> Result<Self, Refusal> {
        if column != Column::Iccids && several_numbers(cell) {
            let reason = if column == Column::Either { Reason::IccidMalformed } else { Reason::NumberMalformed };
            return Err(Refusal::about(reason, "several numbers in one cell"));
        }
        match column {
            Column::Iccids => Iccid::read(cell).map(Self::Iccid),
            Column::SubscriberNumbers => SubscriberNumber::read(cell).map(Self::SubscriberNumber),
            // No text is both: an ICCID has at least 18 digits, a subscriber number at most 15.
            Column::Either => match (Iccid::read(cell), SubscriberNumber::read(cell)) {
                (Ok(iccid), _) => Ok(Self::Iccid(iccid)),
                (Err(_), Ok(number)) => Ok(Self::SubscriberNumber(number)),
                (Err(refusal), Err(_)) if cell.trim_start().starts_with('+') => {
                    Err(Refusal { reason: Reason::NumberMalformed, ..refusal })
                }
                (Err(refusal), Err(_)) => Err(refusal),
            },
        }
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Iccid(iccid) => iccid.as_str(),
            Self::SubscriberNumber(number) => number.as_str(),
        }
    }

    /// The other way the same number is written; a stored one that equals the input always wins over this.
    #[must_use]
    pub fn other_form(&self) -> Option<String> {
        match self {
            Self::Iccid(iccid) => iccid.other_form(),
            Self::SubscriberNumber(number) => number.other_form(),
        }
    }

    /// Is it a subscriber number?
    #[must_use]
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::SubscriberNumber(_))
    }

    /// Why nothing is stored under it, as far as its digits can tell. Only ever explains a miss.
    #[must_use]
    pub fn explain_miss(&self) -> Reason {
        match self {
            Self::Iccid(iccid) => iccid.explain_miss(),
            Self::SubscriberNumber(_) => Reason::DeviceNotFound,
        }
    }
}

/// Is this several subscriber numbers with white space between them? Joined they may be as long as an ICCID, but ICCIDs begin
/// with 89 (ITU-T E.118), and people write neither in groups of seven digits or more.
fn several_numbers(cell: &str) -> bool {
    let mut parts = cell.split_whitespace();
    let many = parts.clone().nth(1).is_some();
    many && !cell.trim_start().starts_with("89")
        && parts
            .all(|part| part.bytes().filter(u8::is_ascii_digit).count() >= 7 && SubscriberNumber::read(part).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str, column: Column) -> Result<(bool, String), Reason> {
        Identifier::read(cell, column).map(|i| (i.is_number(), i.as_str().to_owned())).map_err(|r| r.reason)
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for cell in ["+1 (555) 010-0200", "15550100200", " 1.555.010.0200 ", "=\"15550100200\"", "'15550100200"] {
            assert_eq!(read(cell, Column::SubscriberNumbers), Ok((true, "15550100200".into())), "{cell}");
            assert_eq!(read(cell, Column::Either), Ok((true, "15550100200".into())), "{cell}");
        }
        for cell in ["", "12", "1555010O200", "5.55E+09", "1234567890123456"] {
            assert_eq!(read(cell, Column::SubscriberNumbers), Err(Reason::NumberMalformed), "{cell}");
        }
        assert_eq!(read(&"5".repeat(65), Column::SubscriberNumbers), Err(Reason::FieldTooLong));
    }

    #[test]
    fn numbers_side_by_side_are_not_joined_into_another() {
        for cell in ["5550100200 5550100201", "15550100200 15550100201", "5550100 5550101 5550102", "5550100 5550101"] {
            assert_eq!(read(cell, Column::Either), Err(Reason::IccidMalformed), "{cell}");
            assert_eq!(read(cell, Column::SubscriberNumbers), Err(Reason::NumberMalformed), "{cell}");
        }
        assert_eq!(read("8914800000 1234567896", Column::Either), Ok((false, "89148000001234567896".into())));
    }

    #[test]
    fn a_column_headed_iccid_holds_iccids_only() {
        assert_eq!(read("15550100200", Column::Iccids), Err(Reason::IccidMalformed));
        assert_eq!(read("89148000001234567896", Column::Either), Ok((false, "89148000001234567896".into())));
        assert_eq!(read("89148000001234567896", Column::SubscriberNumbers), Err(Reason::NumberMalformed));
        assert_eq!(read("8.93E+19", Column::Either), Err(Reason::IccidExcelRounded));
        assert_eq!(read("+x", Column::Either), Err(Reason::NumberMalformed));
        assert_eq!(read("1234567890123456", Column::Either), Err(Reason::IccidMalformed));
    }

    #[test]
    fn the_country_code_may_be_missing_on_either_side() {
        let other = |cell| SubscriberNumber::read(cell).unwrap().other_form();
        assert_eq!(other("5550100200").as_deref(), Some("15550100200"));
        assert_eq!(other("15550100200").as_deref(), Some("5550100200"));
        assert_eq!(other("4915550100200"), None);
    }
}
