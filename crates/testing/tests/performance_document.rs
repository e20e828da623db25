//! `docs/performance.md` and its plot say what `docs/performance.json` holds, the file of the last published run.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

use std::fs::{read_to_string, write};
use std::path::{Path, PathBuf};
use testing::performance::{ASCRIBE, LastRun, in_document, plot, targets};

const FIX: &str = "ASCRIBE_WRITE_DOCS=1 cargo test --package testing --test performance_document";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn last_run() -> LastRun {
    LastRun::read(&read_to_string(docs().join("performance.json")).unwrap()).unwrap()
}

#[test]
fn the_document_and_its_plot_are_those_of_the_last_published_run() {
    let (run, path, picture) = (last_run(), docs().join("performance.md"), docs().join("performance.svg"));
    let document = read_to_string(&path).unwrap();
    let (wanted, wanted_picture) = (in_document(&document, &run).unwrap(), plot(&run));
    if std::env::var_os("ASCRIBE_WRITE_DOCS").is_some() {
        write(&path, &wanted).unwrap();
        write(&picture, &wanted_picture).unwrap();
    }
    assert!(read_to_string(path).unwrap() == wanted, "the tables are not those of performance.json: {FIX}");
    let found = read_to_string(picture).unwrap_or_default();
    assert!(found == wanted_picture, "the plot is not that of performance.json: {FIX}");
}

#[test]
fn a_figure_that_changes_is_seen_in_the_tables_and_in_the_plot() {
    let run = last_run();
    let mut other = run.clone();
    let row = other.rows.iter_mut().find(|row| row.name == ASCRIBE).unwrap();
    row.value *= 2.0;
    let document = "before\n<!-- measured -->\nold\n<!-- /measured -->\nafter\n";
    let (first, second) = (in_document(document, &run).unwrap(), in_document(document, &other).unwrap());
    assert!(first.starts_with("before\n<!-- measured -->\n") && first.ends_with("<!-- /measured -->\nafter\n"));
    assert!(!first.contains("old"));
    assert_ne!(first, second);
    assert_ne!(plot(&run), plot(&other));
    assert!(in_document("no markers", &run).is_err());
}

#[test]
fn what_was_not_measured_is_neither_reached_nor_missed() {
    let mut run = last_run();
    let all = targets(&run).len();
    run.rows.clear();
    let targets = targets(&run);
    assert_eq!(targets.len(), all);
    assert!(targets.iter().all(|target| target.is_reached().is_none()));
}

#[test]
fn the_file_comes_back_as_it_was_written() {
    let path = docs().join("performance.json");
    if std::env::var_os("ASCRIBE_WRITE_DOCS").is_some() {
        write(&path, last_run().write().unwrap()).unwrap();
    }
    let text = read_to_string(path).unwrap();
    assert_eq!(LastRun::read(&text).unwrap().write().unwrap(), text, "it was changed by hand");
}
