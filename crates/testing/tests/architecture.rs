//! The picture in ARCHITECTURE.md is the truth: who may use whom, and who may use sqlx and reqwest.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn packages() -> Vec<Value> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: Value = serde_json::from_slice(&out.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn name(package: &Value) -> String {
    package["name"].as_str().unwrap().to_owned()
}

/// What each of our packages uses to be built, of the names that are asked for.
fn uses(packages: &[Value], wanted: impl Fn(&str) -> bool, with_tests: bool) -> Arrows {
    let of = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap();
        let found = dependencies.iter().filter(|d| with_tests || d["kind"].is_null());
        found.map(|d| d["name"].as_str().unwrap().to_owned()).filter(|d| wanted(d)).collect()
    };
    packages.iter().map(|package| (name(package), of(package))).collect()
}

#[test]
fn the_arrows_are_as_drawn() {
    let packages = packages();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let block = text.split("```arrows\n").nth(1).unwrap().split("```").next().unwrap();
    let drawn: Arrows = block
        .lines()
        .map(|line| {
            let (from, to) = line.split_once(" -> ").unwrap();
            (from.to_owned(), to.split(", ").filter(|to| *to != "nothing").map(str::to_owned).collect())
        })
        .collect();
    assert_eq!(drawn, uses(&packages, |d| ours.contains(d), false));
}

#[test]
fn sql_is_written_in_the_ledger_only_and_http_is_spoken_by_clients_only() {
    let users = |of: &str| -> Vec<String> {
        let found = uses(&packages(), |d| d == of, true);
        found.into_iter().filter(|(_, uses)| !uses.is_empty()).map(|(from, _)| from).collect()
    };
    assert_eq!(users("sqlx"), ["database", "sync", "testing"]);
    assert_eq!(users("reqwest"), ["ascribe", "integrations", "processing", "simulators", "sync", "testing"]);
    assert_eq!(users("axum"), ["ascribe", "simulators", "testing", "web"]);
}

/// Our Rust files, by path.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("crates"), root().join("apps")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

#[test]
fn every_room_says_what_it_is_for_and_what_it_must_not_know() {
    let lib = |(path, _): &(PathBuf, String)| path.ends_with("src/lib.rs") || path.ends_with("ascribe/src/main.rs");
    for (path, text) in sources().iter().filter(|source| lib(source)) {
        let docs: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(docs.len() >= 2 && docs[..2].join(" ").contains("Must not know:"), "{}", path.display());
    }
}

#[test]
fn no_file_has_a_name_that_says_nothing_and_none_is_too_long() {
    let forbidden = ["utils", "helpers", "common", "misc", "manager", "types", "models", "base"];
    for (path, text) in sources() {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(!forbidden.contains(&stem.as_str()), "{}", path.display());
        assert!(
            text.lines().count() <= 500,
            "{} has {} lines; split it by meaning",
            path.display(),
            text.lines().count()
        );
        assert!(!text.contains(concat!("#[", "allow(")), "{}: #[expect(lint, reason)]", path.display());
    }
}
