//! How long a provider says to wait.

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The longer of what the body's prose and `Retry-After` say, and a second on top: both are whole seconds that were
/// rounded by somebody (`rev_io.md` C2 waits N+1). Nothing if neither says anything.
pub(crate) fn asked_for(message: &str, retry_after: Option<&str>, now: Timestamp) -> Option<Duration> {
    let header = retry_after.and_then(|header| from_header(header, now));
    let longer = from_prose(message).max(header)?;
    Some(longer.saturating_add(Duration::from_secs(1)))
}

/// `Retry-After`: seconds, or the date in the form that RFC 9110 5.6.7 prefers.
fn from_header(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(whole(header)));
    }
    let until = rfc2822::DateTimeParser::new().parse_timestamp(header).ok()?;
    let left = until.duration_since(now).max(SignedDuration::ZERO);
    let whole_seconds = u64::try_from(left.as_secs()).unwrap_or_default();
    Some(Duration::from_secs(whole_seconds + u64::from(left.subsec_nanos() > 0)))
}

/// `hh:mm:ss` as Azure writes it for a spent quota, else the first number, in seconds (`rev_io.md` C2).
fn from_prose(message: &str) -> Option<Duration> {
    if let Some(clock) = message.split_whitespace().find_map(from_clock) {
        return Some(clock);
    }
    let rest = message.get(message.find(|c: char| c.is_ascii_digit())?..)?;
    let (seconds, rest) = leading_digits(rest);
    // A fraction is waited as a whole second.
    let fraction = rest.strip_prefix('.').map(leading_digits).is_some_and(|(digits, _)| digits.contains(|c| c != '0'));
    Some(Duration::from_secs(whole(seconds).saturating_add(u64::from(fraction))))
}

fn from_clock(word: &str) -> Option<Duration> {
    let mut parts = word.trim_matches(|c: char| !c.is_ascii_digit()).split(':');
    let mut part = || parts.next().filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let (hours, minutes, seconds) = (part()?, part()?, part()?);
    let minutes = whole(hours).saturating_mul(60).saturating_add(whole(minutes));
    Some(Duration::from_secs(minutes.saturating_mul(60).saturating_add(whole(seconds))))
}

fn leading_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Digits only; more of them than a number holds is very long.
fn whole(digits: &str) -> u64 {
    digits.parse().unwrap_or(if digits.is_empty() { 0 } else { u64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(message: &str, header: Option<&str>) -> Option<u64> {
        let now = "1994-11-06T08:49:07Z".parse().unwrap();
        asked_for(message, header, now).map(|pause| pause.as_secs())
    }

    #[test]
    fn takes_the_first_number_and_a_second() {
        for (message, expected) in [
            ("Rate limit is exceeded. Try again in 17 seconds.", Some(18)),
            ("Try again in 0 seconds", Some(1)),
            ("wait 1.5 s", Some(3)),
            ("wait 2.0 s", Some(3)),
            ("5 then 900", Some(6)),
            ("Quota will be replenished in 01:02:03.", Some(3724)),
            ("at 99999999999999999999999 seconds", Some(u64::MAX)),
            ("\u{0661}\u{0662} seconds", None),
            ("later", None),
            ("", None),
        ] {
            assert_eq!(seconds(message, None), expected, "{message}");
        }
    }

    #[test]
    fn takes_the_longer_of_prose_and_header() {
        for (message, header, expected) in [
            ("in 10 seconds", "5", Some(11)),
            ("in 5 seconds", "10", Some(11)),
            ("", "10", Some(11)),
            ("", " 10 ", Some(11)),
            ("", "Sun, 06 Nov 1994 08:49:37 GMT", Some(31)),
            ("in 3 seconds", "Sun, 06 Nov 1994 08:49:06 GMT", Some(4)),
            ("", "Sun, 06 Nov 1994 08:40:00 GMT", Some(1)),
            ("in 3 seconds", "soon", Some(4)),
            ("", "-5", None),
            ("", "", None),
        ] {
            assert_eq!(seconds(message, Some(header)), expected, "{message} / {header}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_fail(message in ".*", header in ".*") {
            let _ = asked_for(&message, Some(&header), Timestamp::UNIX_EPOCH);
        }
    }
}
