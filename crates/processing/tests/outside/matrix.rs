//! The crash matrix: every list of steps × every step × every fault × every place, run to rest.

use crate::close::{billed_elsewhere, plan_to_take_over};
use crate::stage::{ACME, DiesOnceAt, Stage, USER, now};
use processing::outside::Place;
use serde_json::{Value, json};
use simulators::rev_io::Service;
use testing::{iccid, in_deep_run};

/// Every way in which a write can go wrong on the wire.
fn faults() -> Vec<(&'static str, Value)> {
    vec![
        ("none", Value::Null),
        ("refuse", json!({"kind": "refuse"})),
        ("try later", json!({"kind": "throttle", "seconds": 1})),
        ("server error before", json!({"kind": "server_error_before"})),
        ("server error after", json!({"kind": "server_error_after"})),
        ("timeout before", json!({"kind": "timeout_before", "seconds": 1.5})),
        ("timeout after", json!({"kind": "timeout_after", "seconds": 1.5})),
        ("cut before", json!({"kind": "cut_before"})),
        ("cut after", json!({"kind": "cut_after"})),
        ("garbage", json!({"kind": "garbage"})),
        ("empty", json!({"kind": "empty"})),
    ]
}

/// The gate tries the lists of steps but the first with some of the faults, at some of the places; the deep run all of everything.
fn some_faults() -> Vec<(&'static str, Value)> {
    let some = ["refuse", "server error before", "cut after"];
    faults().into_iter().filter(|(name, _)| in_deep_run() || some.contains(name)).collect()
}

/// What DESIGN 11 names, in the gate.
pub(crate) fn named_faults() -> Vec<(&'static str, Value)> {
    let named = ["none", "refuse", "try later", "timeout before", "timeout after"];
    faults().into_iter().filter(|(name, _)| in_deep_run() || named.contains(name)).collect()
}

pub(crate) fn some_places() -> Vec<Option<Place>> {
    let some = [None, Some(Place::AfterIntent), Some(Place::AfterCall)];
    PLACES.into_iter().filter(|place| in_deep_run() || some.contains(place)).collect()
}

pub(crate) const PLACES: [Option<Place>; 5] =
    [None, Some(Place::AfterIntent), Some(Place::AfterCall), Some(Place::AfterRecord), Some(Place::BeforeSettle)];

/// Runs one combination to rest. The change then.
pub(crate) async fn run(
    stage: &mut Stage,
    plan: &Value,
    write: (&str, &str),
    fault: &Value,
    place: Option<Place>,
) -> Value {
    let (method, path) = write;
    let provider = if path.starts_with("/devices") { "thingspace" } else { "rev-io" };
    if !fault.is_null() {
        stage.fault(json!({"provider": provider, "method": method, "path": path, "when": {"next": 1}, "fault": fault}));
    }
    if let Some(place) = place {
        stage.outside().witness = DiesOnceAt::new(place);
    }
    stage.apply(plan).await;
    let change = stage.work_to_rest(plan).await;
    stage.world.faults(|faults| faults.clear());
    change
}

pub(crate) async fn ends(mut stage: Stage) {
    stage.sweep().await;
    assert_eq!(stage.app.database.number("select count(*) from app.device_lock").await.unwrap(), 0);
    assert_eq!(stage.app.database.number("select count(*) from app.due_work").await.unwrap(), 0);
    stage.finish().await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_opening_a_line_the_ledger_and_the_world_agree() {
    let mut stage = Stage::of(400).await;
    let mut device = 0;
    for (name, fault) in named_faults() {
        for path in ["/services", "/serviceproduct"] {
            for place in PLACES {
                let plan = stage.plan_to_open(device..device + 3).await;
                device += 3;
                let change = run(&mut stage, &plan, ("POST", path), &fault, place).await;
                let counts = &change["counts"];
                assert_eq!(counts["to_do"], 0, "{name} {path} {place:?}: {change}");
                assert_eq!(counts["needs_attention"], 0, "{name} {path} {place:?}: {change}");
                let failed = counts["failed"].as_i64().unwrap();
                let wanted = i64::from(name == "refuse");
                match place {
                    // An attempt that nobody lived to hear of is spent, too: with the fault on the second one there is no third,
                    // and with the refusal on the first one the second is not refused.
                    Some(Place::AfterIntent | Place::AfterCall) => {
                        assert!(failed <= 1, "{name} {path} {place:?}: {change}");
                    }
                    _ => assert_eq!(failed, wanted, "{name} {path} {place:?}: {change}"),
                }
                stage.agrees(&plan).await;
            }
        }
    }
    ends(stage).await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_ending_one_line_and_opening_another_they_agree() {
    let mut stage = Stage::of(400).await;
    let mut device = 0;
    let writes = [("DELETE", "/serviceproduct"), ("PATCH", "/services/*"), ("POST", "/services")];
    for (name, fault) in some_faults() {
        for write in writes {
            for place in some_places() {
                billed_elsewhere(&stage, device..device + 2).await;
                let plan = plan_to_take_over(&stage, device..device + 2).await;
                device += 2;
                let change = run(&mut stage, &plan, write, &fault, place).await;
                let counts = &change["counts"];
                let told = format!("{name} {write:?} {place:?}: {change}");
                assert_eq!(counts["to_do"], 0, "{told}");
                // What is refused after the old line, or a part of it, has ended is for a person; so is what is sent twice in vain.
                let attention = counts["needs_attention"].as_i64().unwrap();
                let spent = matches!(place, Some(Place::AfterIntent | Place::AfterCall));
                assert!(attention == 0 || name == "refuse" || spent, "{told}");
                assert!(attention <= 2, "{told}");
                stage.agrees(&plan).await;
            }
        }
    }
    stage.sweep().await;
    stage.finish().await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_putting_a_sim_on_a_line_they_agree() {
    let mut stage = Stage::of(80).await;
    let mut device = 0;
    for (name, fault) in some_faults() {
        for place in some_places() {
            let line = stage.world.rev_io(|state| {
                let account = state.account_mut(USER).unwrap();
                account.services.add(Service { customer_id: ACME, provider_id: Some(1), ..Service::default() }, now())
            });
            let mirror = format!(
                "insert into app.rev_service (tenant_id, integration_authentication_id, rev_service_id, rev_customer_id)
                 select tenant_id, id, {line}, '{ACME}' from app.integration_authentication where name = 'Rev.io'"
            );
            stage.app.database.plant(&mirror).await.unwrap();
            let sim = iccid(device);
            device += 1;
            let plan =
                stage.app.plan("Acme", &json!({"service_id": line}), std::slice::from_ref(&sim)).await.unwrap().json;
            assert_eq!(plan["counts"]["change"], 1, "{plan}");
            let change = run(&mut stage, &plan["id"], ("PATCH", "/services/*"), &fault, place).await;
            let told = format!("{name} {place:?}: {change}");
            let (ok, failed) = (&change["counts"]["ok"], &change["counts"]["failed"]);
            let on_it = stage.world.rev_io(|state| {
                let account = state.account(USER).unwrap();
                account.services.get(line).unwrap().number2.as_deref() == Some(sim.as_str())
            });
            assert_eq!((ok == 1, failed == 1), (on_it, !on_it), "{told}");
        }
    }
    ends(stage).await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_an_undo_the_lines_end_once() {
    let mut stage = Stage::of(300).await;
    let mut device = 0;
    for (name, fault) in some_faults().into_iter().filter(|(name, _)| *name != "refuse") {
        for write in [("DELETE", "/serviceproduct"), ("PATCH", "/services/*")] {
            for place in some_places() {
                let plan = stage.plan_to_open(device..device + 2).await;
                stage.apply(&plan).await;
                assert_eq!(stage.work_to_rest(&plan).await["counts"]["ok"], 2);
                device += 2;
                let path = format!("/bulk-changes/{}/undo", plan.as_str().unwrap());
                let undo = stage.app.post(&path, &json!({})).await.unwrap().json;
                let change = run(&mut stage, &undo["id"], write, &fault, place).await;
                let told = format!("{name} {write:?} {place:?}: {change}");
                let spent = matches!(place, Some(Place::AfterIntent | Place::AfterCall));
                assert!(change["counts"]["ok"] == 2 || spent, "{told}");
                let left: usize = stage.lines().values().map(Vec::len).sum();
                let not_ended = 2 - usize::try_from(change["counts"]["ok"].as_u64().unwrap()).unwrap();
                assert_eq!(left, not_ended, "{told}");
                // Those that are left are for a person, who ends them.
                stage.world.rev_io(|state| {
                    let account = state.account_mut(USER).unwrap();
                    let open: Vec<i64> = account
                        .services
                        .iter()
                        .filter(|l| l.disconnected_date.is_none())
                        .map(|l| l.service_id)
                        .collect();
                    open.into_iter().for_each(|line| assert!(account.disconnect_service(line, now().into())));
                });
            }
        }
    }
    stage.finish().await;
}
