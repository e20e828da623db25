//! A cell of a CSV file that a spreadsheet will open: it must not run what somebody else wrote (CWE-1236).

/// What a spreadsheet takes for the beginning of a formula, in full width, too.
pub const GUARDED: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// The text with a quote before what would run. Whoever reads inputs takes that quote away again.
#[must_use]
pub fn guarded(text: String) -> String {
    if text.starts_with(GUARDED) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_formula_is_led_by_a_quote_and_a_number_plate_is_not() {
        for (text, safe) in [("=1+1", "'=1+1"), ("\u{ff1d}1", "'\u{ff1d}1"), ("89140000", "89140000"), ("", "")] {
            assert_eq!(guarded(text.to_owned()), safe);
        }
    }
}
