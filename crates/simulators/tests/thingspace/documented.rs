//! `docs/simulators.md` names every setting, every guess and every fault.

use serde_json::Value;
use simulators::Fleet;
use simulators::faults::Fault;
use simulators::thingspace::{Inferred, Settings};

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/simulators.md")).unwrap()
}

fn names(of: Value) -> Vec<String> {
    of.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn settings_and_guesses_are_in_the_tables() {
    let page = page();
    let settings = names(serde_json::to_value(Settings::default()).unwrap());
    let guesses = names(serde_json::to_value(Inferred::default()).unwrap());
    assert!(settings.len() > 15 && guesses.len() > 10);
    for name in settings.iter().chain(&guesses) {
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not documented");
    }
}

/// serde tells the kinds it knows when it meets one that it does not.
#[test]
fn faults_are_in_the_tables() {
    let unknown: Result<Fault, _> = serde_json::from_value(serde_json::json!({ "kind": "?" }));
    let told = unknown.unwrap_err().to_string();
    let kinds: Vec<&str> = told.split('`').skip(3).step_by(2).collect();
    assert!(kinds.len() > 20, "{told}");
    let page = page();
    for kind in kinds {
        assert!(page.contains(&format!("`{kind}`")), "{kind} is not documented");
    }
}

#[test]
fn the_example_of_a_fleet_is_one() {
    let page = page();
    let example = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let fleet: Fleet = serde_json::from_str(example).unwrap();
    assert_eq!((fleet.thingspace[0].devices.len(), fleet.thingspace[0].accounts[0].pools.len()), (2, 1));
}
