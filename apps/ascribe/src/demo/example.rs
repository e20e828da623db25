//! The example files: which rows they have, and, known beforehand and without asking the system, what must come of each.

use super::fleet::{PROVIDERS, iccid};
use domain::iccid::check_digit;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How the devices of the first service provider are laid out. Deterministic: the same number, the same fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Devices of the fleet.
    pub(crate) devices: u32,
    /// Devices at the first service provider.
    pub(crate) first_provider: u32,
    /// Of them, plain good ones that the runs assign.
    pub(crate) good: u32,
}

/// Devices of each deliberate kind.
const SAME: u32 = 20;
const OTHER: u32 = 40;
const ARCHIVED: u32 = 40;
const INACTIVE: u32 = 40;
/// Rows that name no device.
const MALFORMED: u32 = 40;
const ROUNDED: u32 = 30;
const MISTYPED: u32 = 40;
const UNKNOWN: u32 = 40;
const DUPLICATE: u32 = 30;
/// Active devices that the runs never touch.
const UNTOUCHED: u32 = 2_200;

/// What a device of the first service provider is, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Good,
    /// Already at the first run's customer.
    Same,
    /// Already at another customer.
    Other,
    Archived,
    Inactive,
    Untouched,
}

impl Plan {
    pub(crate) fn of(devices: u32) -> Self {
        let first_provider = devices - devices / 5;
        let deliberate = SAME + OTHER + ARCHIVED + INACTIVE;
        let wanted = (u64::from(devices) * 4_680 / 10_000) as u32;
        Self { devices, first_provider, good: wanted.min(first_provider.saturating_sub(deliberate + UNTOUCHED)) }
    }

    pub(crate) fn kind(&self, place: u32) -> Kind {
        let ends = [
            (self.good, Kind::Good),
            (SAME, Kind::Same),
            (OTHER, Kind::Other),
            (ARCHIVED, Kind::Archived),
            (INACTIVE, Kind::Inactive),
        ];
        let mut end = 0;
        for (count, kind) in ends {
            end += count;
            if place < end {
                return kind;
            }
        }
        Kind::Untouched
    }

    fn first_of(&self, kind: Kind) -> u32 {
        (0..self.first_provider).find(|place| self.kind(*place) == kind).unwrap_or(0)
    }
}

/// What must come of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) verdict: &'static str,
    pub(crate) reason: Option<&'static str>,
}

const CHANGE: Expected = Expected { verdict: "CHANGE", reason: None };

const fn refused(reason: &'static str) -> Expected {
    Expected { verdict: "REFUSED", reason: Some(reason) }
}

/// A row of an example file: the cell, and what must come of it when devices are taken from nobody, and when they are.
pub(crate) struct Row {
    pub(crate) cell: String,
    refuse: Expected,
    replace: Expected,
}

impl Row {
    /// What must come of it. Once the runs have moved the devices around (`replace`), "same" and "other" have changed too.
    pub(crate) fn expected(&self, replace: bool) -> &Expected {
        if replace { &self.replace } else { &self.refuse }
    }

    fn always(cell: String, expected: Expected) -> Self {
        Self { cell, refuse: expected.clone(), replace: expected }
    }
}

/// The rows of the assignment: good ones, with every kind of trouble spread between them.
pub(crate) fn assignment(plan: &Plan) -> Vec<Row> {
    let at = |place| iccid(&PROVIDERS[0], place);
    let mut trouble = Vec::new();
    let first = |kind| plan.first_of(kind);
    trouble.extend((0..SAME).map(|n| Row {
        cell: at(first(Kind::Same) + n),
        refuse: Expected { verdict: "NO_CHANGE", reason: Some("ALREADY_ASSIGNED_SAME") },
        replace: CHANGE,
    }));
    trouble.extend((0..OTHER).map(|n| Row {
        cell: at(first(Kind::Other) + n),
        refuse: refused("ALREADY_ASSIGNED_OTHER"),
        replace: CHANGE,
    }));
    trouble.extend((0..ARCHIVED).map(|n| Row::always(at(first(Kind::Archived) + n), refused("DEVICE_ARCHIVED"))));
    trouble.extend((0..INACTIVE).map(|n| Row::always(at(first(Kind::Inactive) + n), refused("DEVICE_NOT_ACTIVE"))));
    trouble.extend((0..MALFORMED).map(|n| {
        Row::always(
            ["", "n/a", "12345", "8914800000A123456789", "=1+1", "see ticket"][n as usize % 6].to_owned(),
            refused("ICCID_MALFORMED"),
        )
    }));
    trouble.extend(
        (0..ROUNDED).map(|n| {
            Row::always(["8.9148E+19", "8,9148E+19"][n as usize % 2].to_owned(), refused("ICCID_EXCEL_ROUNDED"))
        }),
    );
    // A wrong last digit; the numbers are beyond the fleet's, so nothing else is meant by them.
    trouble.extend((0..MISTYPED).map(|n| {
        let good = at(5_000_001 + 7 * n);
        let (body, _) = good.split_at(good.len() - 1);
        Row::always(format!("{body}{}", (check_digit(body) + 1) % 10), refused("ICCID_CHECK_DIGIT"))
    }));
    trouble.extend((0..UNKNOWN).map(|n| Row::always(at(6_000_001 + 7 * n), refused("DEVICE_NOT_FOUND"))));
    trouble.extend((0..DUPLICATE).map(|n| Row::always(at(n % plan.good.max(1)), refused("DUPLICATE_IN_INPUT"))));

    // Duplicates name the first devices, so those come first; the rest of the trouble is spread evenly.
    let total = plan.good as usize + trouble.len();
    let every = (total / trouble.len().max(1)).max(2);
    let (mut rows, mut trouble, mut place) = (Vec::with_capacity(total), trouble.into_iter(), 0);
    while rows.len() < total {
        let turn = rows.len() % every == every - 1 || place >= plan.good;
        match turn.then(|| trouble.next()).flatten() {
            Some(row) => rows.push(row),
            None if place < plan.good => {
                rows.push(Row::always(messy(at(place), place), CHANGE));
                place += 1;
            }
            None => break,
        }
    }
    rows
}

/// The rows of the reassignment: a part of the good ones, to a rev customer with a rate plan.
pub(crate) fn reassignment(plan: &Plan) -> Vec<Row> {
    (0..plan.good * 2 / 5).map(|place| Row::always(iccid(&PROVIDERS[0], place), CHANGE)).collect()
}

/// The ways in which the same number is written by people and programs.
fn messy(iccid: String, place: u32) -> String {
    match place % 11 {
        3 => format!("{} {} {} {} {}", &iccid[..4], &iccid[4..8], &iccid[8..12], &iccid[12..16], &iccid[16..]),
        5 => format!(" {iccid} "),
        7 => format!("=\"{iccid}\""),
        8 => iccid[..iccid.len() - 1].to_owned(),
        9 => format!("'{iccid}"),
        _ => iccid,
    }
}

/// The assignment as a spreadsheet saves it: the ICCID is not the first column, and there are others.
pub(crate) fn assignment_csv(plan: &Plan) -> String {
    let mut text = String::from("\u{feff}Asset;ICCID;Note\r\n");
    for (n, row) in assignment(plan).iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "meter-{:05};\"{}\";\r\n", n + 1, row.cell.replace('"', "\"\""));
    }
    text
}

/// The reassignment, plainly.
pub(crate) fn reassignment_csv(plan: &Plan) -> String {
    let mut text = String::from("iccid\n");
    for row in reassignment(plan) {
        let _ = writeln!(text, "{}", row.cell);
    }
    text
}

/// Writes both files.
pub(crate) fn write_files(folder: &Path, plan: &Plan) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    let files = [("assign.csv", assignment_csv(plan)), ("reassign.csv", reassignment_csv(plan))];
    let mut paths = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        paths.push(path);
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_in_examples_are_the_demos_own() {
        let plan = Plan::of(10_000);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        for (name, text) in [("assign.csv", assignment_csv(&plan)), ("reassign.csv", reassignment_csv(&plan))] {
            if std::env::var_os("ASCRIBE_WRITE_DOCS").is_some() {
                std::fs::write(folder.join(name), &text).unwrap();
            }
            let there = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(there == text, "examples/{name} differs; ASCRIBE_WRITE_DOCS=1 cargo test --workspace --bins");
        }
    }

    #[test]
    fn the_picture_in_the_readme_is_what_the_demo_prints() {
        let readme = include_str!("../../../../README.md");
        let picture = readme.split("<!-- demo-table").nth(1).unwrap().split("```").nth(1).unwrap();
        let mut counts = std::collections::BTreeMap::new();
        for row in assignment(&Plan::of(10_000)) {
            let expected = row.expected(false);
            let result = if expected.verdict == "CHANGE" { "PROCESSED" } else { expected.verdict };
            *counts.entry((result, expected.reason.unwrap_or(""))).or_insert(0) += 1;
        }
        let mut shown = std::collections::BTreeMap::new();
        for line in picture.lines() {
            let words: Vec<&str> = line.split_whitespace().filter(|w| !w.contains('│')).collect();
            let (result, reason, count) = match words.as_slice() {
                [result, count] => (*result, "", *count),
                [result, reason, count] => (*result, *reason, *count),
                _ => continue,
            };
            if let Ok(count) = count.parse::<i32>() {
                shown.insert((result, reason), count);
            }
        }
        assert_eq!(shown, counts);
    }

    #[test]
    fn the_assignment_has_about_five_thousand_rows_of_every_kind_and_leaves_two_thousand_devices_alone() {
        for devices in [4_000, 10_000, 100_000] {
            let plan = Plan::of(devices);
            let rows = assignment(&plan);
            assert_eq!(
                rows.len(),
                (plan.good + SAME + OTHER + ARCHIVED + INACTIVE + MALFORMED + ROUNDED + MISTYPED + UNKNOWN + DUPLICATE)
                    as usize
            );
            assert!((0..plan.first_provider).filter(|p| plan.kind(*p) == Kind::Untouched).count() >= 2_000);
        }
        assert!((4_900..5_100).contains(&assignment(&Plan::of(10_000)).len()));
    }
}
