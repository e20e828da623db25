//! `docs/carriers.md` is what the code says of each carrier.

use integrations::carriers::{CarrierKind, Operation, document};
use std::path::Path;

const FIX: &str = "ASCRIBE_WRITE_DOCS=1 cargo test --package testing --test carriers_document";

#[test]
fn the_document_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/carriers.md");
    let text = document();
    if std::env::var_os("ASCRIBE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap_or_default() == text, "{FIX}");
}

#[test]
fn every_carrier_and_every_operation_is_in_it() {
    let text = document();
    for kind in CarrierKind::ALL {
        let part = text.split(&format!("\n## {}\n", kind.name())).nth(1).unwrap();
        let part = part.split("\n## ").next().unwrap();
        for operation in Operation::ALL {
            let is_listed = part.contains(&format!("\n| `{}` | ", operation.word()));
            assert_eq!(is_listed, kind.capabilities().admits(*operation).is_ok(), "{kind:?} {operation:?}");
        }
        let rows = part.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 6);
        assert_eq!(rows.count(), kind.capabilities().operations.len());
    }
}
