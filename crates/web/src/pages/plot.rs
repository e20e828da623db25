//! Plots as SVG: drawn here, coloured by classes, with what they say in words; the numbers are in a table beside each.

use super::wording::grouped;
use database::overview::Day;

/// A bar of a day: its two parts one above the other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) x: i64,
    pub(crate) ok_y: i64,
    pub(crate) ok_height: i64,
    pub(crate) not_ok_y: i64,
    pub(crate) not_ok_height: i64,
    pub(crate) label_x: i64,
    pub(crate) label: String,
    pub(crate) date: String,
    pub(crate) ok: String,
    pub(crate) not_ok: String,
}

/// The last days, as they are drawn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Week {
    pub(crate) bars: Vec<Bar>,
    /// The number at the upper line.
    pub(crate) top: String,
    /// Everything in one sentence.
    pub(crate) said: String,
    pub(crate) is_empty: bool,
}

/// Height of the tallest bar, and where bars stand.
const HEIGHT: i64 = 120;
const GROUND: i64 = 140;
const FIRST: i64 = 56;
const STEP: i64 = 72;
const WIDTH: i64 = 40;

/// The bars of these days.
pub(crate) fn week(days: &[Day]) -> Week {
    let most = days.iter().map(|day| day.ok + day.not_ok).max().unwrap_or(0);
    let (ok, not_ok) = days.iter().fold((0, 0), |(ok, not_ok), day| (ok + day.ok, not_ok + day.not_ok));
    // What is there is seen, however little it is beside the rest.
    let height = |rows: i64| if rows == 0 { 0 } else { (rows * HEIGHT / most.max(1)).max(2) };
    let bars = (0..).zip(days).map(|(at, day)| {
        let (ok_height, not_ok_height) = (height(day.ok), height(day.not_ok));
        Bar {
            x: FIRST + at * STEP,
            ok_y: GROUND - ok_height,
            ok_height,
            not_ok_y: GROUND - ok_height - not_ok_height,
            not_ok_height,
            label_x: FIRST + at * STEP + WIDTH / 2,
            label: day.date.strftime("%a %-d").to_string(),
            date: day.date.to_string(),
            ok: grouped(day.ok),
            not_ok: grouped(day.not_ok),
        }
    });
    Week {
        bars: bars.collect(),
        top: grouped(most),
        said: format!("In the last seven days {} rows ended OK, and {} did not.", grouped(ok), grouped(not_ok)),
        is_empty: most == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_the_ground_and_what_is_there_is_seen() {
        let day = |ok, not_ok| Day { date: jiff::civil::date(2027, 1, 31), ok, not_ok };
        let drawn = week(&[day(0, 0), day(100_000, 1), day(500, 0)]);
        assert_eq!((drawn.bars[0].ok_height, drawn.bars[0].not_ok_height), (0, 0));
        assert_eq!((drawn.bars[1].not_ok_height, drawn.bars[2].ok_height), (2, 2));
        assert!(
            drawn
                .bars
                .iter()
                .all(|bar| bar.ok_y + bar.ok_height == GROUND && bar.not_ok_y + bar.not_ok_height == bar.ok_y)
        );
        assert!(drawn.said.contains("100,500 rows") && week(&[day(0, 0)]).is_empty);
    }
}
