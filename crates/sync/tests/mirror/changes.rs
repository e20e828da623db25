//! What changes at Rev.io changes in the mirror, and nothing else does.

use crate::compare::assert_mirrored;
use crate::stage::Stage;
use serde_json::{Value, json};
use simulators::rev_io::WireDate;
use tokio_util::sync::CancellationToken;

async fn site_names(stage: &Stage) -> Vec<String> {
    let mut admin = stage.app.database.admin().connect().await.unwrap();
    let names = "select s.name from app.site s join app.rev_customer r on r.id = s.rev_customer_id where r.rev_customer_id not like 'hand%' order by s.name";
    sqlx::query_scalar(names).fetch_all(&mut admin).await.unwrap()
}

async fn device_of(stage: &Stage, iccid: &str) -> Value {
    stage.app.get(&format!("/devices?iccid={iccid}")).await.unwrap().json["items"][0].clone()
}

#[tokio::test]
async fn two_accounts_with_the_same_numbers_are_two_worlds() {
    let stage = Stage::of(5, 12, 3).await;
    let reports = stage.read_both().await;
    for (name, username) in [("Rev.io", "api@first"), ("Second", "api@second")] {
        assert_mirrored(&stage, name, username).await;
    }
    let whole = reports.iter().flat_map(|report| &report.resources);
    assert!(
        whole.clone().all(|r| r.mirrored_at.is_some() && r.kept_because.is_none() && r.unreadable == 0),
        "{reports:#?}"
    );
    // Every customer has a seat, also where the same name and number is in both accounts.
    let sites = site_names(&stage).await;
    assert_eq!(sites.len(), 24, "{sites:#?}");
    let before = stage.app.database.number("select count(*) from app.audit_entry").await.unwrap();
    let again = stage.read_both().await;
    assert!(again.iter().flat_map(|r| &r.resources).all(|r| r.made + r.changed + r.gone == 0), "{again:#?}");
    let after = stage.app.database.number("select count(*) from app.audit_entry").await.unwrap();
    assert_eq!(after, before, "what changes nothing says nothing");
    stage.finish().await;
}

#[tokio::test]
async fn what_is_renamed_closed_reopened_disconnected_or_gone_is_so_in_the_mirror() {
    let stage = Stage::of(5, 30, 3).await;
    stage.read_both().await;
    let day = WireDate::read("2026-11-01").unwrap();
    let ids: Vec<i64> = stage.world.rev_io(|state| {
        let account = state.account_mut("api@first").unwrap();
        let open = account.customers.iter().filter(|c| !c.is_closed()).map(|c| c.customer_id);
        let ids: Vec<i64> = open.take(4).collect();
        account.rename_customer(ids[0], "Gale Pumps");
        account.rename_customer(ids[3], "Gale Pumps");
        account.close_customer(ids[1], day);
        let line = account.services.find("customer_id", &ids[2].to_string())[0].service_id;
        account.disconnect_service(line, day);
        let gone = account.services.find("customer_id", &ids[2].to_string())[1].service_id;
        account.services.remove(gone).unwrap();
        ids
    });
    // A person's own name for a seat stays.
    stage.app.database.plant(&format!("update app.site s set name = 'By hand' from app.rev_customer r where r.id = s.rev_customer_id and r.rev_customer_id = '{}' and s.given_name not like '%Second%' and r.integration_authentication_id = (select id from app.integration_authentication where name = 'Rev.io')", ids[3])).await.unwrap();
    let reports = stage.read_both().await;
    assert_mirrored(&stage, "Rev.io", "api@first").await;
    let gone: i32 = reports[0].resources.iter().map(|r| r.gone).sum();
    assert_eq!(gone, 1, "{reports:#?}");
    let sites = site_names(&stage).await;
    assert!(sites.contains(&format!("Gale Pumps ({})", ids[0])) && sites.contains(&"By hand".to_owned()), "{sites:#?}");
    let closed = stage.app.get(&format!("/customers?q={}", ids[1])).await.unwrap().json;
    assert!(closed["items"].as_array().unwrap().iter().any(|customer| customer["closed"] == true), "{closed}");

    // Reopened, and what was gone is back under the same id.
    stage.world.rev_io(|state| {
        let account = state.account_mut("api@first").unwrap();
        account.customers.change(ids[1], |customer| {
            customer.status = Some("ACTIVE".to_owned());
            customer.close_date = None;
        });
    });
    stage.read_both().await;
    assert_mirrored(&stage, "Rev.io", "api@first").await;
    stage.finish().await;
}

#[tokio::test]
async fn a_device_that_somebody_else_is_billed_for_is_refused_and_a_change_in_billing_makes_a_plan_stale() {
    let stage = Stage::of(3, 6, 2).await;
    let (line, customer, number) = stage.world.rev_io(|state| {
        let account = state.account("api@first").unwrap();
        let is_open = |id: i64| account.customers.get(id).is_some_and(|c| !c.is_closed());
        let active = |id: i64| {
            account
                .service_products
                .find("service_id", &id.to_string())
                .iter()
                .any(|p| p.status.as_deref() == Some("ACTIVE"))
        };
        let line = account
            .services
            .iter()
            .find(|s| s.disconnected_date.is_none() && active(s.service_id) && is_open(s.customer_id))
            .unwrap();
        (line.service_id, line.customer_id, line.number.clone().unwrap())
    });
    let iccid = testing::iccid(0);
    stage
        .app
        .database
        .plant(&format!("update app.m2m_device set msisdn = '{number}' where iccid = '{iccid}'"))
        .await
        .unwrap();
    // Planned before anything is known of billing.
    let early = stage.app.plan("Water", &json!({}), std::slice::from_ref(&iccid)).await.unwrap().json;
    assert_eq!(early["counts"]["change"], 1, "{early}");
    stage.read("Rev.io", &CancellationToken::new()).await.unwrap();
    stage.app.post("/bulk-changes", &json!({"plan_id": early["id"]})).await.unwrap();
    stage.app.work().await.unwrap();
    let row = stage.app.rows("bulk-changes", &early["id"]).await.unwrap().remove(0);
    assert_eq!(row["reason"], "STALE_SINCE_PLAN", "{row}");

    let refused = stage.app.plan("Water", &json!({}), std::slice::from_ref(&iccid)).await.unwrap().json;
    // Two accounts are read here, and one was not yet: so nobody can say how old what is known is.
    assert!(early["billing_mirrored_at"].is_null() && refused["billing_mirrored_at"].is_null(), "{refused}");
    let row = stage.app.rows("plans", &refused["id"]).await.unwrap().remove(0);
    assert_eq!(row["reason"], "ACTIVE_SERVICE_LINE_OTHER_CUSTOMER", "{row}");
    assert!(row["detail"].as_str().unwrap().contains(&format!("line {line} of customer {customer}")), "{row}");
    // Judged on who was billed: when the line becomes another customer's, a plan for the first one is stale.
    let first = stage.app.plan(&customer.to_string(), &json!({}), std::slice::from_ref(&iccid)).await.unwrap().json;
    assert_eq!(first["counts"]["change"], 1, "{first}");
    let move_line = |to: i64| {
        stage
            .world
            .rev_io(|state| state.account_mut("api@first").unwrap().services.change(line, |line| line.customer_id = to))
    };
    let other = stage.world.rev_io(|state| {
        let customers = &state.account("api@first").unwrap().customers;
        customers.iter().find(|c| !c.is_closed() && c.customer_id != customer).unwrap().customer_id
    });
    assert!(move_line(other));
    stage.read("Rev.io", &CancellationToken::new()).await.unwrap();
    stage.app.post("/bulk-changes", &json!({"plan_id": first["id"]})).await.unwrap();
    stage.app.work().await.unwrap();
    assert_eq!(stage.app.rows("bulk-changes", &first["id"]).await.unwrap().remove(0)["reason"], "STALE_SINCE_PLAN");
    assert!(move_line(customer));
    stage.read("Rev.io", &CancellationToken::new()).await.unwrap();
    // To who is billed it goes, and then it is linked.
    let theirs = stage.app.carry_out(&customer.to_string(), &json!({}), std::slice::from_ref(&iccid)).await.unwrap();
    assert_eq!(theirs["counts"]["ok"], 1, "{theirs}");
    let device = device_of(&stage, &iccid).await;
    let id = device["id"].as_str().unwrap().parse().unwrap();
    let links = database::rev_io::links_of(&stage.app.ledger, stage.app.fixture.tenant, id).await.unwrap().unwrap();
    assert_eq!((links.rev_service, links.is_active, links.other_rev_services), (Some(line), true, vec![]));
    let shown = device_of(&stage, &iccid).await;
    assert_eq!(
        (&shown["rev_service"]["rev_service_id"], &shown["rev_service"]["active"]),
        (&json!(line), &json!(true)),
        "{shown}"
    );
    // Another number, another line: an import and the archive make links due.
    for (told, linked) in
        [(format!("iccid,msisdn\n{iccid},12025559999\n"), false), (format!("iccid,msisdn\n{iccid},{number}\n"), true)]
    {
        let import = stage.app.request(reqwest::Method::POST, "/api/v1/devices/import?service_provider=Verizon");
        let imported = stage.app.send(import.header("Content-Type", "text/csv").body(told)).await.unwrap();
        assert_eq!(imported.json["updated"], 1, "{}", imported.json);
        while database::rev_io::relink(&stage.app.ledger, stage.app.fixture.tenant).await.unwrap().0 > 0 {}
        assert_eq!(device_of(&stage, &iccid).await["rev_service"].is_object(), linked);
    }
    // Disconnected there, it is free here.
    stage.world.rev_io(|state| {
        state.account_mut("api@first").unwrap().disconnect_service(line, WireDate::read("2026-11-01").unwrap())
    });
    stage.read("Rev.io", &CancellationToken::new()).await.unwrap();
    stage.read("Second", &CancellationToken::new()).await.unwrap();
    let free = stage.app.plan("Water", &json!({"on_conflict": "replace"}), &[iccid]).await.unwrap().json;
    assert!(free["billing_mirrored_at"].is_string(), "{free}");
    assert_eq!(free["counts"]["change"], 1, "{free}");
    stage.finish().await;
}

#[tokio::test]
async fn what_a_closed_customer_still_has_is_given_back_by_a_plan_that_somebody_applies_and_can_undo() {
    let stage = Stage::of(4, 6, 1).await;
    stage.read_both().await;
    let customer = stage.world.rev_io(|state| {
        let customers = &state.account("api@first").unwrap().customers;
        customers.iter().find(|c| !c.is_closed()).unwrap().customer_id
    });
    let (tenant, devices) = (stage.app.fixture.tenant, [0, 1, 2].map(testing::iccid));
    // The same number is in both accounts: the customer is named by its id.
    let mut admin = stage.app.database.admin().connect().await.unwrap();
    let id: uuid::Uuid = sqlx::query_scalar("select r.id from app.rev_customer r join app.integration_authentication a on a.id = r.integration_authentication_id where a.name = 'Rev.io' and r.rev_customer_id = $1")
        .bind(customer.to_string())
        .fetch_one(&mut admin)
        .await
        .unwrap();
    stage.app.carry_out(&id.to_string(), &json!({}), &devices).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let spool = intake::Spool::open(folder.path().to_owned(), 1_000_000).await.unwrap();
    let planner = intake::Planner::new(
        stage.app.ledger.clone(),
        stage.app.ids.clone(),
        intake::PlannerSettings::default(),
        spool,
    );
    assert_eq!(planner.plan_for_closed_customers(tenant).await.unwrap(), None, "nobody is closed who has any");
    stage.world.rev_io(|state| {
        state.account_mut("api@first").unwrap().close_customer(customer, WireDate::read("2026-11-01").unwrap())
    });
    stage
        .app
        .database
        .plant(&format!("update app.m2m_device set status = 'suspend' where iccid = '{}'", devices[1]))
        .await
        .unwrap();
    stage.read_both().await;
    let still = device_of(&stage, &devices[0]).await;
    assert_eq!(still["customer"]["id"], id.to_string(), "a reading moves nothing by itself");
    let plan = planner.plan_for_closed_customers(tenant).await.unwrap().unwrap();
    assert_eq!(planner.plan_for_closed_customers(tenant).await.unwrap(), None, "one that waits is enough");
    let path = format!("/plans/{plan}");
    let shown = stage.app.get(&path).await.unwrap().json;
    assert_eq!(
        (&shown["counts"]["change"], &shown["reference"]),
        (&json!(3), &json!("closed at Rev.io")),
        "also the suspended one: {shown}"
    );
    stage.app.post("/bulk-changes", &json!({"plan_id": plan})).await.unwrap();
    stage.app.work().await.unwrap();
    let freed = device_of(&stage, &devices[0]).await;
    assert!(freed["customer"].is_null() && freed["site"]["name"] == "Unassigned", "{freed}");
    assert_eq!(planner.plan_for_closed_customers(tenant).await.unwrap(), None, "there is nothing left");
    // Reopened, it is put back.
    stage.world.rev_io(|state| {
        state.account_mut("api@first").unwrap().customers.change(customer, |c| {
            c.status = Some("ACTIVE".to_owned());
            c.close_date = None;
        })
    });
    stage.read_both().await;
    let undo = stage.app.post(&format!("/bulk-changes/{plan}/undo"), &json!({})).await.unwrap().json;
    assert_eq!(undo["counts"]["change"], 3, "{undo}");
    // Nobody has the key under which the mirror plans, and revoking it ends that.
    let keys = stage.app.get("/api-keys").await.unwrap().json;
    let key = keys["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["name"] == database::rev_io::MIRROR_KEY)
        .unwrap()
        .clone();
    let path = format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
    stage.app.send(stage.app.request(reqwest::Method::DELETE, &path)).await.unwrap();
    stage.app.post("/bulk-changes", &json!({"plan_id": undo["id"]})).await.unwrap();
    stage.app.work().await.unwrap();
    stage.world.rev_io(|state| {
        state.account_mut("api@first").unwrap().close_customer(customer, WireDate::read("2026-11-01").unwrap())
    });
    stage.read_both().await;
    assert_eq!(planner.plan_for_closed_customers(tenant).await.unwrap(), None);
    stage.finish().await;
}
