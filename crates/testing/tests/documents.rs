//! Documents state what is true: every link leads somewhere, every command exists, the reasons are the domain's own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

use domain::reason::Reason;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn documents() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/decisions"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for (path, text) in documents() {
        for part in text.split("](").skip(1) {
            let target = part.split(')').next().unwrap();
            if !target.starts_with("http") {
                links += 1;
                assert!(path.parent().unwrap().join(target).exists(), "{}: {target}", path.display());
            }
        }
    }
    assert!(links > 5);
}

/// The pictures that a document shows.
fn pictures(text: &str) -> Vec<&str> {
    [" src=\"", " srcset=\""]
        .iter()
        .flat_map(|at| text.split(at).skip(1))
        .map(|part| part.split('"').next().unwrap())
        .collect()
}

#[test]
fn every_picture_that_is_shown_is_there_and_small_and_no_other_is_kept() {
    let mut shown = std::collections::BTreeSet::new();
    for (path, text) in documents() {
        for picture in pictures(&text) {
            let picture = path.parent().unwrap().join(picture);
            let bytes =
                std::fs::metadata(&picture).unwrap_or_else(|_| panic!("{} is not there", picture.display())).len();
            assert!((5_000..=150_000).contains(&bytes), "{} has {bytes} bytes", picture.display());
            shown.insert(picture.canonicalize().unwrap());
        }
    }
    let kept = std::fs::read_dir(root().join("docs/pictures")).unwrap();
    let kept: std::collections::BTreeSet<PathBuf> = kept.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(shown, kept, "pictures are taken by apps/ascribe/tests/browser");
}

#[test]
fn every_path_in_backticks_that_looks_like_one_of_ours_exists() {
    let mut paths = 0;
    for (document, text) in documents() {
        for word in text.split('`').skip(1).step_by(2) {
            let of_crate = ["web/", "intake/", "domain/", "database/", "queue/", "processing/"]
                .iter()
                .any(|c| word.starts_with(c));
            let known = word.starts_with("crates/") || word.starts_with("apps/") || word.starts_with("scripts/");
            if !word.contains([' ', '*', '\n']) && (known || of_crate) {
                paths += 1;
                let found = root().join(word).exists() || root().join("crates").join(word).exists();
                assert!(found, "{}: {word}", document.display());
            }
        }
    }
    assert!(paths > 10);
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    for (path, text) in documents() {
        for part in text.split("`make ").skip(1).chain(text.split("\nmake ").skip(1)) {
            let target: String = part.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            assert!(makefile.contains(&format!("\n{target}: ")), "{}: make {target}", path.display());
        }
    }
}

#[test]
fn the_reasons_are_the_domains_own() {
    let mut text = String::from(
        "# Reasons\n\nWhy a row was refused, left alone or failed. A code never changes its meaning.\n\n| Code | What it says | What to do |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        writeln!(text, "| `{}` | {} | {} |", reason.word(), reason.sentence(), reason.fix()).unwrap();
    }
    let path = root().join("docs/reasons.md");
    if std::env::var_os("ASCRIBE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == text,
        "ASCRIBE_WRITE_DOCS=1 cargo test --workspace --test documents"
    );
}

#[test]
fn every_code_that_the_api_answers_is_documented_and_no_other() {
    let mut folders = vec![root().join("crates/web/src")];
    let mut answered = std::collections::BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let is_code = |word: &&str| word.len() > 5 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            // Line by line: a quote as a character would turn the rest of a file inside out.
            let quoted = text.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
            answered.extend(quoted.filter(is_code).map(str::to_owned));
        }
    }
    // Verdicts, what a callback says and a serde setting look like codes and are none.
    for word in ["CHANGE", "NO_CHANGE", "REFUSED", "SUCCESS", "FAILED", "SCREAMING_SNAKE_CASE"] {
        answered.remove(word);
    }
    let text = std::fs::read_to_string(root().join("docs/problems.md")).unwrap();
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let documented: std::collections::BTreeSet<String> = cells.map(str::to_owned).collect();
    assert_eq!(documented, answered);
}

/// Every file below a folder.
fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![folder], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn every_reason_is_met_by_a_whole_app_test() {
    // Those that billing gives are met where a mirror, or a Rev.io, is.
    let tests: String = ["apps/ascribe/tests/whole_app", "crates/sync/tests/mirror", "crates/processing/tests/outside"]
        .into_iter()
        .flat_map(|folder| files_below(root().join(folder)))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    for reason in Reason::ALL {
        let met = tests.contains(&format!("\"{}\"", reason.word())) || tests.contains(&format!("Reason::{reason:?}"));
        assert!(met, "no whole-app test meets {}", reason.word());
    }
}
