//! Plans whose planner was killed: they begin again from what lies in the spool, once nobody else is at them.

use super::{applied, shown, small};
use crate::devices;
use database::Ledger;
use database::api_key::Caller;
use domain::associate_customer::AssociateCustomer;
use domain::ids::BulkChangeId;
use intake::{Input, PlanRefusal, Planner, Planning, Spool};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use testing::{TestApp, iccid};

/// A planner of another process, with a spool of its own.
struct Killed {
    planner: Planner,
    spool: Spool,
    folder: tempfile::TempDir,
    caller: Caller,
}

impl Killed {
    async fn new(app: &TestApp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path().to_owned(), 1024 * 1024).await.unwrap();
        let planner = Planner::new(app.ledger.clone(), app.ids.clone(), small(), spool.clone());
        let caller = Caller {
            tenant: app.fixture.tenant,
            api_key: app.fixture.key_id,
            person: None,
            behind: None,
            confined: false,
            m2m: true,
            mobility: true,
        };
        Self { planner, spool, folder, caller }
    }

    /// Begins a plan of this file and gets no further.
    async fn begin(&self, app: &TestApp, extra: &Value, file: &str) -> BulkChangeId {
        self.planning(app, extra, file).await.id()
    }

    async fn planning(&self, app: &TestApp, extra: &Value, file: &str) -> Planning {
        let mut writing = self.spool.begin(app.ids.next()).await.unwrap();
        writing.write(file.as_bytes()).await.unwrap();
        let input = Input { spooled: writing.finish().await.unwrap(), name: Some("list.csv".into()) };
        let request = AssociateCustomer::read(app.asking("Water", extra)).unwrap();
        self.planner.begin(self.caller, request, input).await.unwrap()
    }

    /// Begins again whatever lies in the spool and runs it; what each came to: was it run?
    async fn go_on(&self) -> Vec<bool> {
        let mut ran = Vec::new();
        for (note, kept) in self.planner.notes().await.unwrap() {
            let planning = self.planner.begin_again(&note, kept).await.unwrap();
            ran.push(planning.is_some());
            if let Some(planning) = planning {
                assert_eq!(planning.id().0, note.plan);
                planning.run().await.unwrap();
            }
        }
        ran
    }

    /// Whatever lies in the spool was written an hour ago.
    fn is_old(&self) {
        #[expect(clippy::disallowed_methods, reason = "how old a file is, is the machine's to say")]
        let an_hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let file = std::fs::File::options().append(true).open(entry.unwrap().path()).unwrap();
            file.set_modified(an_hour_ago).unwrap();
        }
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.folder.path()).unwrap().count()
    }
}

/// The planner of this plan has not been heard of for too long.
async fn time_goes_by(app: &TestApp, id: BulkChangeId) {
    app.database
        .plant(&format!(
            "update app.device_bulk_change set planning_lease_until = now() - interval '1 minute' where id = '{id}'"
        ))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_plan_whose_planner_was_killed_begins_again_from_the_spool() {
    let app = TestApp::start(12).await.unwrap();
    let killed = Killed::new(&app).await;
    let file = format!("iccid;note\n{};a\nbroken;b\n", devices(12).join(";a\n"));
    let id = killed.begin(&app, &json!({"customer_rate_plan": "P-ALL", "reference": "T-1"}), &file).await;
    assert_eq!(killed.files(), 2, "the upload and a note about it");
    assert_eq!(app.get(&format!("/plans/{id}")).await.unwrap().json["status"], "PLANNING");
    // Somebody may still be at it.
    assert_eq!(killed.go_on().await, [false]);
    assert_eq!(killed.files(), 2, "to be asked about again");

    // It had stored a row before it was killed.
    app.database
        .plant(&format!("insert into app.m2m_device_change (tenant_id, bulk_change_id, row_number, input, status, reason) values ('{}', '{id}', 1, 'x', 'REFUSED', 'ICCID_MALFORMED')", app.fixture.tenant))
        .await
        .unwrap();
    time_goes_by(&app, id).await;
    assert_eq!(killed.go_on().await, [true]);
    assert_eq!(killed.files(), 0);
    let plan = app.get(&format!("/plans/{id}")).await.unwrap().json;
    assert_eq!(
        (&plan["status"], &plan["counts"]["rows"], &plan["counts"]["change"], &plan["counts"]["by_reason"]),
        (&json!("PLANNED"), &json!(13), &json!(12), &json!({"ICCID_MALFORMED": 1})),
        "{plan}"
    );
    assert_eq!((&plan["input_name"], &plan["reference"]), (&json!("list.csv"), &json!("T-1")));
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    assert_eq!((rows.len(), &rows[0]["verdict"]), (13, &json!("CHANGE")));
    assert!(killed.go_on().await.is_empty(), "once");

    assert_eq!(app.post("/bulk-changes", &json!({"plan_id": id})).await.unwrap().status, StatusCode::ACCEPTED);
    app.work().await.unwrap();
    assert_eq!(shown(&app, &id.to_string()).await["counts"]["ok"], 12);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_note_about_a_plan_that_ended_is_taken_away() {
    let app = TestApp::start(1).await.unwrap();
    let killed = Killed::new(&app).await;
    let id = killed.begin(&app, &json!({}), &format!("{}\n", iccid(0))).await;
    app.database
        .plant("update app.device_bulk_change set status = 'PLAN_FAILED', planning_lease_until = null")
        .await
        .unwrap();
    assert_eq!(killed.go_on().await, [false]);
    assert_eq!(killed.files(), 2, "a note is written just before its plan is begun");
    killed.is_old();
    assert_eq!(killed.go_on().await, [false]);
    assert_eq!(killed.files(), 0);
    assert_eq!(app.get(&format!("/plans/{id}")).await.unwrap().json["status"], "PLAN_FAILED");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_retry_and_an_undo_begin_again_from_the_ledger() {
    let app = TestApp::start(3).await.unwrap();
    let change = applied(&app, "Water", &json!({}), &devices(3)).await;
    app.database
        .plant(&format!("update app.m2m_device set imei = '1', status = 'suspend' where iccid = '{}'", iccid(1)))
        .await
        .unwrap();
    app.work().await.unwrap();
    app.database
        .plant(&format!("update app.m2m_device set status = 'active' where iccid = '{}'", iccid(1)))
        .await
        .unwrap();
    let killed = Killed::new(&app).await;
    let of = change.parse().unwrap();
    let retry = killed.planner.begin_retry(killed.caller, of).await.unwrap().id();
    let undo = killed.planner.begin_undo(killed.caller, of).await.unwrap().id();
    assert_eq!(killed.files(), 2, "two notes, and no upload");
    time_goes_by(&app, retry).await;
    time_goes_by(&app, undo).await;
    assert_eq!(killed.go_on().await, [true, true]);
    assert_eq!(killed.files(), 0);
    for (id, rows, from) in [(retry, 1, "retry_of"), (undo, 2, "undo_of")] {
        let plan = app.get(&format!("/plans/{id}")).await.unwrap().json;
        assert_eq!(
            (&plan["status"], &plan["counts"]["rows"], &plan["counts"]["change"], &plan[from]),
            (&json!("PLANNED"), &json!(rows), &json!(rows), &json!(change)),
            "{plan}"
        );
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_was_asked_for_and_is_too_late_by_now_fails_and_says_why() {
    let app = TestApp::start_at_moment(1, "2026-10-20T12:00:00Z").await.unwrap();
    let killed = Killed::new(&app).await;
    let id = killed.begin(&app, &json!({"start_at": "2026-10-20T10:00"}), &format!("{}\n", iccid(0))).await;
    // The process starts again three hours later.
    let later = Ledger::new(app.ledger.server().later_by("3 hours"));
    let planner = Planner::new(later.clone(), app.ids.clone(), small(), killed.spool.clone());
    let (note, kept) = planner.notes().await.unwrap().remove(0);
    let refused = planner.begin_again(&note, kept).await;
    assert!(matches!(refused, Err(PlanRefusal::StartAt(_))), "{refused:?}");
    later.close().await;
    assert_eq!(killed.files(), 0);
    let plan = app.get(&format!("/plans/{id}")).await.unwrap().json;
    assert_eq!(plan["status"], "PLAN_FAILED");
    assert!(plan["status_details"].as_str().unwrap().contains("is past"), "{plan}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_database_that_goes_away_while_planning_loses_nothing() {
    let app = TestApp::start(3).await.unwrap();
    let killed = Killed::new(&app).await;
    let planning = killed.planning(&app, &json!({}), &format!("iccid\n{}\n", devices(3).join("\n"))).await;
    let id = planning.id();
    app.database.set_available(false).await.unwrap();
    let stopped = planning.run().await;
    assert!(matches!(&stopped, Err(PlanRefusal::Database(error)) if error.is_outage()), "{stopped:?}");
    assert_eq!(killed.files(), 2, "the upload and the note stay");
    app.database.set_available(true).await.unwrap();
    assert_eq!(app.get(&format!("/plans/{id}")).await.unwrap().json["status"], "PLANNING");
    time_goes_by(&app, id).await;
    assert_eq!(killed.go_on().await, [true]);
    let plan = app.get(&format!("/plans/{id}")).await.unwrap().json;
    assert_eq!((&plan["status"], &plan["counts"]["change"]), (&json!("PLANNED"), &json!(3)));
    assert_eq!(killed.files(), 0);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn who_was_taken_for_dead_and_is_not_writes_nothing_more() {
    let app = TestApp::start(3).await.unwrap();
    let killed = Killed::new(&app).await;
    let file = format!("iccid\n{}\n", devices(3).join("\n"));
    // It stalls before its first row, and after its last one is in the same place: what it does next is refused.
    let slow = killed.planning(&app, &json!({}), &file).await;
    let id = slow.id();
    time_goes_by(&app, id).await;
    let (note, kept) = killed.planner.notes().await.unwrap().remove(0);
    let quick = killed.planner.begin_again(&note, kept).await.unwrap().unwrap();
    let refused = slow.run().await;
    let why = "somebody else makes the plan";
    assert!(
        matches!(&refused, Err(PlanRefusal::TakenOver | PlanRefusal::Database(database::DatabaseError::PlanNotReady))),
        "{why}: {refused:?}"
    );
    assert_eq!(killed.files(), 2, "the upload is the other's now");
    assert_eq!(app.get(&format!("/plans/{id}")).await.unwrap().json["status"], "PLANNING");
    quick.run().await.unwrap();
    let plan = app.get(&format!("/plans/{id}")).await.unwrap().json;
    assert_eq!((&plan["status"], &plan["counts"]["change"]), (&json!("PLANNED"), &json!(3)));
    assert_eq!(app.rows("plans", &plan["id"]).await.unwrap().len(), 3);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_plan_that_never_comes_to_its_end_is_given_up() {
    let app = TestApp::start(1).await.unwrap();
    let killed = Killed::new(&app).await;
    let id = killed.begin(&app, &json!({}), &format!("{}\n", iccid(0))).await;
    for _ in 0..10 {
        time_goes_by(&app, id).await;
        let (note, kept) = killed.planner.notes().await.unwrap().remove(0);
        assert!(killed.planner.begin_again(&note, kept).await.unwrap().is_some());
    }
    time_goes_by(&app, id).await;
    assert_eq!(killed.go_on().await, [false]);
    let plan = app.get(&format!("/plans/{id}")).await.unwrap().json;
    assert_eq!(plan["status"], "PLAN_FAILED");
    assert!(plan["status_details"].as_str().unwrap().contains("again and again"), "{plan}");
    app.finish().await.unwrap();
}
