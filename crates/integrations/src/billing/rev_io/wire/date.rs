//! Dates as Rev.io writes and reads them (`rev_io.md` C5, C6).

use jiff::civil::{Date, Time};
use serde::{Deserialize as _, Deserializer, Serializer};

/// Reads `2024-01-31`, `2024-01-31Z`, `2024-01-31T00:00:00`, with `Z`, an offset or a fraction. It is the day as it is
/// written: an offset does not move it, because Rev.io's dates are days and not instants (inferred).
///
/// The year 1 is what .NET writes for no date at all (inferred), so it is none.
///
/// # Errors
/// What is wrong, without the text.
pub fn read(text: &str) -> Result<Option<Date>, &'static str> {
    const NO_DATE: &str = "a date such as 2024-01-31 or 2024-01-31T00:00:00Z";
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (day, rest) = text.split_at_checked(10).ok_or(NO_DATE)?;
    let day: Date = day.parse().map_err(|_| NO_DATE)?;
    let is_time = |rest: &str| rest.strip_prefix(['T', 't', ' ']).is_some_and(is_time_of_day);
    if !rest.is_empty() && !rest.eq_ignore_ascii_case("z") && !is_time(rest) {
        return Err(NO_DATE);
    }
    Ok(Some(day).filter(|day| day.year() > 1))
}

fn is_time_of_day(text: &str) -> bool {
    let is_offset = |offset: &str| {
        let digits = offset.bytes().filter(u8::is_ascii_digit).count();
        (digits == 2 || digits == 4) && offset.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
    };
    let time = match (text.strip_suffix(['Z', 'z']), text.find(['+', '-'])) {
        (Some(time), _) => time,
        (None, Some(sign)) => match text.split_at(sign) {
            (time, offset) if offset.get(1..).is_some_and(is_offset) => time,
            _ => return false,
        },
        (None, None) => text,
    };
    time.trim_end().parse::<Time>().is_ok()
}

/// For a field that may be null.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let read = text.map_or(Ok(None), |text| read(&text));
    read.map_err(|expected| serde::de::Error::custom(format_args!("a field, expected {expected}")))
}

/// Writes `2024-01-31Z`, as AMOP does.
#[must_use]
pub fn write(day: Date) -> String {
    format!("{day}Z")
}

pub(super) fn serialize_optional<S: Serializer>(day: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => serializer.serialize_str(&write(*day)),
        None => serializer.serialize_none(),
    }
}

pub(super) fn serialize<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&write(*day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn all_forms_are_the_day_that_is_written() {
        for text in [
            "2024-01-31",
            "2024-01-31Z",
            "2024-01-31z",
            " 2024-01-31 ",
            "2024-01-31T00:00:00",
            "2024-01-31T00:00:00Z",
            "2024-01-31T23:59:59.9999999Z",
            "2024-01-31T23:30:00-05:00",
            "2024-01-31T00:30:00+0200",
            "2024-01-31 00:30:00+02",
            "2024-01-31T00:00:00.123",
        ] {
            assert_eq!(read(text), Ok(Some(date(2024, 1, 31))), "{text}");
        }
    }

    #[test]
    fn no_date_is_none() {
        for text in ["", " ", "0001-01-01", "0001-01-01T00:00:00Z"] {
            assert_eq!(read(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_not_guessed_at() {
        for text in [
            "31/01/2024",
            "2024-02-30",
            "2024-1-31",
            "2024-01-31X",
            "2024-01-31T25:00:00",
            "2024-01-31T00:00:00+abc",
            "/Date(1700000000000)/",
            "2024",
            "\u{662}\u{660}\u{662}\u{664}-01-31",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in ".*") {
            let _ = read(&text);
        }

        #[test]
        fn what_is_written_is_read(year in 2_i16..=9999, month in 1_i8..=12, day in 1_i8..=28) {
            let day = date(year, month, day);
            prop_assert_eq!(read(&write(day)), Ok(Some(day)));
        }
    }
}
