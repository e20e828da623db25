//! Every invariant finds the fault that is planted for it. One that never complains proves nothing.

use database::catalogue::HOT_COLUMNS;
use database::proof::{agreement, broken_invariants};
use domain::ids::BulkChangeId;
use serde_json::json;
use testing::{TestApp, iccid};
use uuid::Uuid;

async fn with_a_change() -> (TestApp, BulkChangeId) {
    let app = TestApp::start(15).await.unwrap();
    let devices: Vec<String> = (0..15).map(iccid).chain(["broken".to_owned()]).collect();
    let change = app
        .carry_out("Acme", &json!({"customer_rate_plan": "P-ALL", "customer_rate_pool": "Shared"}), &devices)
        .await
        .unwrap();
    let id = BulkChangeId(Uuid::parse_str(change["id"].as_str().unwrap()).unwrap());
    assert_eq!(broken_invariants(app.database.server()).await.unwrap(), []);
    (app, id)
}

#[tokio::test]
async fn every_invariant_finds_its_fault() {
    let plants = [
        ("update app.bulk_change_counter set ok = ok - 1, failed = failed + 1", "counts equal a recount of the rows"),
        ("update app.device_bulk_change set refused_count = refused_count + 1", "a plan's counts equal its rows"),
        (
            "update app.device_bulk_change set status = 'PROCESSING'",
            "a finished change has nothing left to do, and one with nothing left is finished",
        ),
        (
            "update app.bulk_change_chunk set first_row = first_row + 1 where chunk_number = 2",
            "every row to be changed is in exactly one chunk",
        ),
        ("update app.m2m_device_change set status = 'PENDING' where row_number = 3", "a done chunk has no pending row"),
        (
            "delete from app.device_tenant_history where row_number = 3",
            "a processed row has exactly one history entry and one processed log entry",
        ),
        (
            "insert into app.m2m_device_bulk_change_log select * from app.m2m_device_bulk_change_log where row_number = 3",
            "a processed row has exactly one history entry and one processed log entry",
        ),
        (
            "update app.m2m_device set site_id = (select id from app.site where name = 'Cold') where iccid = (select max(iccid) from app.m2m_device)",
            "the owner's site is the same on the device and on its assignment",
        ),
        (
            "update app.device_tenant set account_number = 'x' where account_number is not null",
            "the account of an assignment is its site's",
        ),
        (
            "insert into app.device_lock select device_id, tenant_id, bulk_change_id, row_number, now() from app.m2m_device_change where row_number = 3",
            "a lock belongs to a row that is under way or needs attention",
        ),
        (
            "update app.device_tenant_history set customer_rate_plan_id = null where row_number = 3",
            "the newest history entry of an assignment is what the assignment is",
        ),
        (
            "update app.device_tenant set scheduled_change_id = (select id from app.device_bulk_change) where account_number is not null",
            "what waits on the schedule is what its assignment says, and the other way round",
        ),
        (
            "insert into app.device_change_schedule select tenant_id, bulk_change_id, row_number, device_id, '2030-01-01', null, null, 1, 1, 'PENDING' from app.m2m_device_change where row_number = 3",
            "every schedule row that waits is in a schedule chunk that will come",
        ),
        (
            "insert into app.device_change_schedule select tenant_id, bulk_change_id, row_number, device_id, '2020-01-01', null, null, 1, 1, 'APPLIED', null, now() from app.m2m_device_change where row_number = 3",
            "a schedule row that was applied or failed has exactly one history entry and one log entry",
        ),
        (
            "insert into app.bulk_change_turn select tenant_id, id, now() from app.device_bulk_change",
            "every change that is under way has its turn, and no other has",
        ),
        (
            "update app.m2m_device_change set status = 'PROCESSING' where row_number = 3",
            "a row that is under way outside has its due work, and one that is over has none but to be looked at again",
        ),
        (
            "insert into app.due_work (tenant_id, bulk_change_id, row_number, account, due_at)
             select tenant_id, bulk_change_id, row_number, gen_random_uuid(), now() from app.m2m_device_change where row_number = 3",
            "a row that is under way outside has its due work, and one that is over has none but to be looked at again",
        ),
        (
            "insert into app.due_work (tenant_id, bulk_change_id, row_number, account, due_at, sweeps)
             select tenant_id, bulk_change_id, row_number, gen_random_uuid(), now(), 0 from app.m2m_device_change where row_number = 3",
            "what is due outside has its turn at a gate",
        ),
        (
            "insert into app.provider_intent (tenant_id, bulk_change_id, row_number, step, direction, call, item, attempt, account, natural_key,
                 request_hash, claim, began_at, settle_until, outcome)
             select tenant_id, bulk_change_id, row_number, 'open_rev_service', 'apply', 'create_service', 0, 1, gen_random_uuid(), 'x', '', gen_random_uuid(),
                 now(), now(), 'OPEN' from app.m2m_device_change where row_number = 3",
            "nothing is open outside of a row that was done without a person's word",
        ),
        (
            "update app.m2m_device_change set steps = '{open_rev_service}' where row_number = 3",
            "a processed row that opens a line has the receipts of the line and of each product, if no person said so",
        ),
    ];
    let mut found_at_all = std::collections::BTreeSet::new();
    for (plant, invariant) in plants {
        let (app, _) = with_a_change().await;
        app.database.plant(plant).await.unwrap();
        let broken = broken_invariants(app.database.server()).await.unwrap();
        assert!(broken.iter().any(|b| b.invariant == invariant && b.rows > 0), "{plant}: {broken:?}");
        found_at_all.insert(invariant);
    }
    assert_eq!(found_at_all.len(), database::proof::invariant_names().count(), "every invariant has its plant");
}

#[tokio::test]
async fn every_orphan_query_finds_an_orphan() {
    let (app, _) = with_a_change().await;
    app.database
        .plant("insert into app.device_change_schedule select tenant_id, bulk_change_id, row_number, device_id, '2020-01-01', null, null, 1, 1, 'SUPERSEDED', null, now() from app.m2m_device_change where row_number = 3")
        .await
        .unwrap();
    for hot in HOT_COLUMNS {
        let plant = if hot.table == "device_lock" {
            "insert into app.device_lock (device_id, tenant_id, bulk_change_id, row_number, locked_at) values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, now())".to_owned()
        } else if hot.column == "account_number_integration_authentication_id"
            || hot.column == "before_integration_authentication_id"
        {
            let number = if hot.table == "m2m_device_change" { "before_account_number" } else { "account_number" };
            format!("update app.{} set {number} = 'x', {} = gen_random_uuid()", hot.table, hot.column)
        } else {
            format!("update app.{} set {} = gen_random_uuid()", hot.table, hot.column)
        };
        app.database.plant(&plant).await.unwrap();
        let name = format!("no orphan in {}.{}", hot.table, hot.column);
        let broken = broken_invariants(app.database.server()).await.unwrap();
        assert!(broken.iter().any(|b| b.invariant == name), "{name}: {broken:?}");
    }
}

#[tokio::test]
async fn agreement_sees_a_row_that_is_not_what_the_ledger_says() {
    let (app, id) = with_a_change().await;
    let (server, tenant) = (app.database.server().clone(), app.fixture.tenant);
    let all = agreement(&server, tenant, id).await.unwrap();
    assert_eq!((all.processed, all.agree, all.touched_without_saying), (15, 15, 0));
    for plant in [
        "update app.device_tenant set customer_rate_plan_id = null where device_id = (select device_id from app.m2m_device_change where row_number = 1)",
        "update app.device_tenant set site_id = (select id from app.site where name = 'Cold') where device_id = (select device_id from app.m2m_device_change where row_number = 2)",
        "update app.m2m_device set site_id = (select id from app.site where name = 'Cold') where id = (select device_id from app.m2m_device_change where row_number = 3)",
        "delete from app.device_tenant_history where row_number = 4",
    ] {
        app.database.plant(plant).await.unwrap();
    }
    assert_eq!(agreement(&server, tenant, id).await.unwrap().agree, 11);
    app.database
        .plant("update app.m2m_device_change set status = 'SKIPPED', reason = 'STALE_SINCE_PLAN' where row_number = 9")
        .await
        .unwrap();
    assert_eq!(agreement(&server, tenant, id).await.unwrap().touched_without_saying, 1);
}
