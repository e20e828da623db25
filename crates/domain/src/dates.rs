//! Dates and moments as people write them, read in the tenant's time zone. Never guessed: 03/04/2027 is no date here.

use crate::reason::{Reason, Refusal};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The civil date on which a plan, pool or allocation takes effect, and the moment at which that day begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EffectiveDate {
    /// The date in the tenant's time zone.
    pub date: Date,
    /// Its first moment there; after a gap at midnight the first that exists.
    pub at: Timestamp,
    /// Was that still to come when the plan was made?
    pub in_future: bool,
}

/// Where and when a request is read.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Now.
    pub now: Timestamp,
    /// The tenant's time zone.
    pub zone: TimeZone,
}

impl Moment {
    /// Today, in the tenant's time zone.
    #[must_use]
    pub fn today(&self) -> Date {
        self.date_of(self.now)
    }

    /// The tenant's date at this moment.
    #[must_use]
    pub fn date_of(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// Reads an effective date: `2027-01-31`, or the midnight that spreadsheets write for it.
    ///
    /// # Errors
    /// `EFFECTIVE_DATE_INVALID` for anything else, before 1990, or more than three years ahead.
    pub fn effective_date(&self, text: &str) -> Result<EffectiveDate, Refusal> {
        let invalid = || Refusal::about(Reason::EffectiveDateInvalid, text);
        let date = read_date(text).ok_or_else(invalid)?;
        let last = self.today().checked_add(Span::new().years(3)).map_err(|_| invalid())?;
        if date.year() < 1990 || date > last {
            return Err(invalid());
        }
        let at = date.to_zoned(self.zone.clone()).map_err(|_| invalid())?.timestamp();
        Ok(EffectiveDate { date, at, in_future: at > self.now })
    }

    /// Reads when a whole change is to start: with an offset as RFC 3339 has it, or without as the tenant's own time.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence.
    pub fn start_at(&self, text: &str) -> Result<Timestamp, &'static str> {
        let at = if let Ok(at) = text.parse::<Timestamp>() {
            at
        } else {
            let local = DateTime::strptime("%Y-%m-%dT%H:%M:%S", text)
                .or_else(|_| DateTime::strptime("%Y-%m-%dT%H:%M", text))
                .map_err(|_| "is not a moment such as 2027-01-31T22:00 or 2027-01-31T22:00:00+01:00")?;
            self.zone
                .to_ambiguous_timestamp(local)
                .unambiguous()
                .map_err(|_| "does not exist, or exists twice, where the clocks change; write it with its offset")?
        };
        if at <= self.now {
            return Err("is past");
        }
        // A year of 366 days.
        if at.duration_since(self.now).as_hours() > 366 * 24 {
            return Err("is more than a year ahead");
        }
        Ok(at)
    }
}

fn read_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let day = text.strip_suffix("T00:00:00").or_else(|| text.strip_suffix(" 00:00:00")).unwrap_or(text);
    // Four digits, two, two: jiff would take shorter and signed years, too.
    let plain = day.len() == 10
        && day.bytes().enumerate().all(|(n, b)| if n == 4 || n == 7 { b == b'-' } else { b.is_ascii_digit() });
    plain.then(|| day.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(zone: &str, now: &str) -> Moment {
        Moment { now: now.parse().unwrap(), zone: TimeZone::get(zone).unwrap() }
    }

    #[test]
    fn a_day_begins_in_the_tenants_time_zone() {
        let york = moment("America/New_York", "2026-11-24T04:59:59Z");
        assert_eq!(york.today().to_string(), "2026-11-23");
        let next = york.effective_date("2026-11-24").unwrap();
        assert_eq!((next.at.to_string().as_str(), next.in_future), ("2026-11-24T05:00:00Z", true));
        assert!(!york.effective_date("2026-11-23").unwrap().in_future, "today is not the future");
        let later = moment("America/New_York", "2026-11-24T05:00:00Z");
        assert!(!later.effective_date("2026-11-24").unwrap().in_future);
    }

    #[test]
    fn a_day_without_a_midnight_begins_when_it_begins() {
        // Lebanon's clocks go forward at midnight.
        let beirut = moment("Asia/Beirut", "2026-03-01T00:00:00Z");
        assert_eq!(beirut.effective_date("2026-03-29").unwrap().at.to_string(), "2026-03-28T22:00:00Z");
        let berlin = moment("Europe/Berlin", "2026-10-01T00:00:00Z");
        assert_eq!(berlin.effective_date("2026-10-26").unwrap().at.to_string(), "2026-10-25T23:00:00Z");
        assert_eq!(berlin.effective_date("2026-10-25").unwrap().at.to_string(), "2026-10-24T22:00:00Z");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let utc = moment("UTC", "2026-11-24T00:00:00Z");
        for text in [
            "03/04/2027",
            "2027-1-1",
            "2027-02-30",
            "tomorrow",
            "",
            "1989-12-31",
            "2029-11-25",
            "+002027-01-01",
            "2027-01-01T10:00:00",
        ] {
            assert_eq!(utc.effective_date(text).unwrap_err().reason, Reason::EffectiveDateInvalid, "{text}");
        }
        for text in ["2027-01-01", " 2027-01-01 ", "2027-01-01T00:00:00", "2027-01-01 00:00:00", "2029-11-24"] {
            assert!(utc.effective_date(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_start_is_a_moment_that_exists_once() {
        let berlin = moment("Europe/Berlin", "2026-10-01T00:00:00Z");
        assert_eq!(berlin.start_at("2026-10-24T22:00").unwrap().to_string(), "2026-10-24T20:00:00Z");
        assert_eq!(berlin.start_at("2026-10-25T02:30:00+01:00").unwrap().to_string(), "2026-10-25T01:30:00Z");
        assert!(berlin.start_at("2026-10-25T02:30").unwrap_err().contains("exists twice"));
        assert!(moment("Europe/Berlin", "2026-03-01T00:00:00Z").start_at("2026-03-29T02:30").is_err());
        assert_eq!(berlin.start_at("2026-09-30T00:00:00Z"), Err("is past"));
        assert!(berlin.start_at("2027-11-01T00:00:00Z").is_err());
        assert!(berlin.start_at("soon").is_err());
    }
}
