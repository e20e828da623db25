//! A range of ICCIDs in one cell: `8914…0001-8914…0100`. It stands for every ICCID from the first to the last.

use crate::iccid::{Iccid, check_digit};
use crate::reason::{Reason, Refusal};

/// The most ICCIDs of one range.
pub const MOST_IN_RANGE: u64 = 1_000_000;

/// The longest cell that is looked at: two ICCIDs with spaces, and what stands between them.
const LONGEST_RANGE: usize = 128;

/// The ICCIDs from one to another, both of the same length, both included.
///
/// Twenty digits whose last is a check digit at both ends count by the first nineteen, and every ICCID in between gets its
/// own check digit, as the SIMs have it; everything else counts as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IccidRange {
    next: Option<u128>,
    last: u128,
    /// Digits that are counted.
    width: usize,
    checked: bool,
}

impl IccidRange {
    /// Reads a cell. None: it is no range, read it as one ICCID.
    pub fn read(cell: &str) -> Option<Result<Self, Refusal>> {
        if cell.len() > LONGEST_RANGE {
            return None;
        }
        let (first, last) = halves(cell)?;
        Some(Self::between(&first, &last))
    }

    fn between(first: &Iccid, last: &Iccid) -> Result<Self, Refusal> {
        let malformed = |detail: &str| Err(Refusal::about(Reason::IccidMalformed, format!("a range: {detail}")));
        if first.as_str().len() != last.as_str().len() {
            return malformed("its ends have not the same number of digits");
        }
        let checked = first.as_str().len() == 20 && first.check_digit_fits() && last.check_digit_fits();
        let width = first.as_str().len() - usize::from(checked);
        let counted = |iccid: &Iccid| iccid.as_str()[..width].parse::<u128>().unwrap_or(0);
        let (from, to) = (counted(first), counted(last));
        if from > to {
            return malformed("it ends before it begins");
        }
        if to - from >= u128::from(MOST_IN_RANGE) {
            return malformed("it has more than 1000000 ICCIDs");
        }
        Ok(Self { next: Some(from), last: to, width, checked })
    }
}

impl Iterator for IccidRange {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let now = self.next?;
        self.next = (now < self.last).then(|| now + 1);
        let digits = format!("{now:0width$}", width = self.width);
        Some(if self.checked { format!("{digits}{}", check_digit(&digits)) } else { digits })
    }
}

/// Two ICCIDs with a hyphen, a dash, two dots or "to" between them. A hyphen inside a number parts groups, so the cell is
/// a range only where each side is an ICCID by itself.
fn halves(cell: &str) -> Option<(Iccid, Iccid)> {
    let separators = ["..", "\u{2013}", "\u{2014}", " to ", "-"];
    separators.iter().find_map(|separator| {
        cell.match_indices(separator).find_map(|(at, found)| {
            let (left, right) = (&cell[..at], &cell[at + found.len()..]);
            Some((Iccid::read(left.trim()).ok()?, Iccid::read(right.trim_start_matches('.').trim()).ok()?))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(cell: &str) -> Vec<String> {
        IccidRange::read(cell).unwrap().unwrap().collect()
    }

    #[test]
    fn every_iccid_from_the_first_to_the_last() {
        assert_eq!(
            range("8914800000123456788-8914800000123456790"),
            ["8914800000123456788", "8914800000123456789", "8914800000123456790"]
        );
        for separator in ["..", "-", " - ", "\u{2013}", " to ", " ... "] {
            assert_eq!(range(&format!("8914800000123456788{separator}8914800000123456789")).len(), 2, "{separator}");
        }
        assert_eq!(range("8914 8000 0012 3456 788 - 8914-8000-0012-3456-789").len(), 2);
    }

    #[test]
    fn check_digits_are_made_and_not_counted() {
        let full = |body: &str| format!("{body}{}", check_digit(body));
        let (first, last) = (full("8914800000123456788"), full("8914800000123456791"));
        let all = range(&format!("{first}-{last}"));
        assert_eq!(all.len(), 4);
        assert_eq!((&all[0], &all[3]), (&first, &last));
        assert!(all.iter().all(|iccid| Iccid::read(iccid).unwrap().check_digit_fits()));
        // An end whose last digit is no check digit: all twenty are counted.
        let odd = format!("{}{}", &first[..19], (first.as_bytes()[19] - b'0' + 1) % 10);
        let (low, high) = if odd < first { (odd, first) } else { (first, odd) };
        assert!(range(&format!("{low}..{high}")).len() >= 2);
    }

    #[test]
    fn one_number_in_groups_is_no_range_and_a_wrong_range_says_why() {
        assert!(IccidRange::read("8914-8000-0012-3456-7896").is_none());
        assert!(IccidRange::read("89148000001234567896").is_none());
        assert!(IccidRange::read("").is_none());
        for cell in [
            "8914800000123456790-8914800000123456788",
            "8914800000123456788-89148000001234567896",
            "891480000012345678..891490000012345678",
        ] {
            assert_eq!(IccidRange::read(cell).unwrap().unwrap_err().reason, Reason::IccidMalformed, "{cell}");
        }
    }
}
