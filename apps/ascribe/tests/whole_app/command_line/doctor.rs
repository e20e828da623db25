//! `ascribe doctor` on a database of its own: everything right, then one thing after the other wrong.

use super::{printed, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

/// Each check's state.
fn states(text: &str) -> BTreeMap<String, (String, String)> {
    let findings: Value = serde_json::from_str(text).unwrap();
    let word = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let all = findings.as_array().unwrap().iter();
    all.map(|finding| (word(finding, "check"), (word(finding, "state"), word(finding, "fix")))).collect()
}

#[tokio::test]
async fn doctor_says_what_is_right_what_is_wrong_and_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let pg = std::env::var("ASCRIBE_PG_BIN").unwrap_or_default();
    let mut environment = vec![("ASCRIBE_DATA", data), ("ASCRIBE_URL", "http://127.0.0.1:9")];
    if !pg.is_empty() {
        environment.push(("ASCRIBE_PG_BIN", &pg));
    }
    let before = states(&printed(&run(&environment, &["doctor"], "").await, 0));
    assert_eq!((before["data"].0.as_str(), before["database"].0.as_str()), ("note", "note"), "{before:?}");
    assert!(before["database"].1.contains("ascribe serve"));

    let key = printed(&run(&environment, &["init", "--tenant", "Alpha"], "").await, 0);
    let fine = states(&printed(&run(&environment, &["doctor"], "").await, 0));
    for check in
        ["data", "disk", "database", "schema", "rights", "clock", "months", "work", "audit", "attention", "providers"]
    {
        assert_eq!(fine[check].0, "ok", "{check}: {fine:?}");
        assert!(fine[check].1.is_empty(), "nothing to mend: {check}");
    }

    // Nobody serves at that address; and a key with a letter too few.
    let key = key.trim();
    let with_key = [&environment[..], &[("ASCRIBE_API_KEY", key)]].concat();
    let down = states(&printed(&run(&with_key, &["doctor"], "").await, 1));
    assert_eq!((down["api"].0.as_str(), down["secrets"].0.as_str()), ("broken", "ok"), "{down:?}");
    assert!(down["api"].1.contains("ascribe serve"));
    let short = [&environment[..], &[("ASCRIBE_API_KEY", &key[..key.len() - 1])]].concat();
    assert_eq!(states(&printed(&run(&short, &["doctor"], "").await, 1))["secrets"].0, "broken");
    let table = printed(&run(&short, &["doctor", "-o", "table"], "").await, 1);
    assert!(table.contains("Fix") && table.contains("Copy the key again"), "{table}");

    let spool = folder.path().join("data/spool");
    std::fs::create_dir_all(&spool).unwrap();
    std::fs::set_permissions(&spool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let open = states(&printed(&run(&environment, &["doctor"], "").await, 1));
    assert_eq!(open["spool"].0, "broken");
    assert!(open["spool"].1.contains("chmod 700"));

    let unreachable = [("DATABASE_URL", "postgres://nobody@127.0.0.1:9/none"), ("ASCRIBE_DATA", data)];
    let gone = states(&printed(&run(&unreachable, &["doctor"], "").await, 1));
    assert_eq!(gone["database"].0, "broken");
    assert!(gone["database"].1.contains("DATABASE_URL"), "{gone:?}");
}
