//! Links between devices and what is billed, against a plain model that looks at one device after the other, on random worlds.

use database::Role;
use database::rev_io::{Links, due_links, links_of, relink};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use sqlx::Connection as _;
use std::fmt::Write as _;
use testing::{TestApp, in_deep_run};
use uuid::Uuid;

/// A line in the model, with its account as (number, place of the Rev.io account).
#[derive(Clone, Debug)]
struct Line {
    id: i64,
    account: (String, usize),
    number: String,
    disconnected: bool,
    activated: i8,
    gone: bool,
    products: Vec<Product>,
}

#[derive(Clone, Debug)]
struct Product {
    status: Option<&'static str>,
    canceled: Option<i8>,
    gone: bool,
}

#[derive(Clone, Debug)]
struct Device {
    id: Uuid,
    msisdn: Option<String>,
    archived: bool,
    account: Option<(String, usize)>,
}

#[derive(Clone, Debug)]
struct World {
    lines: Vec<Line>,
    devices: Vec<Device>,
    /// Accounts that are closed, or have no active site here.
    out: Vec<(String, usize)>,
}

/// The documented rule, one device at a time.
fn model(world: &World, device: &Device) -> Links {
    let is_theirs = |line: &&Line| {
        device.msisdn.as_ref().is_some_and(|msisdn| line.number == *msisdn || format!("1{}", line.number) == *msisdn)
            && !device.archived
            && !line.gone
            && !world.out.contains(&line.account)
    };
    let product_rank = |status: &str| match status {
        "ACTIVE" => (0, ""),
        "PENDING" => (1, ""),
        "DENIED" => (2, "DENIED"),
        _ => (2, "DISCONNECTED"),
    };
    let mut own: Vec<_> = Vec::new();
    let mut others = Vec::new();
    for line in world.lines.iter().filter(is_theirs) {
        for product in line.products.iter().filter(|product| !product.gone) {
            let Some(status) = product.status else { continue };
            let active = !line.disconnected && !["DISCONNECTED", "DENIED"].contains(&status);
            if Some(&line.account) == device.account.as_ref() {
                let canceled = product.canceled.unwrap_or(i8::MAX);
                own.push((
                    (!active, product_rank(status), -i16::from(canceled), -line.activated, -line.id),
                    line.id,
                    active,
                ));
            } else if active {
                others.push((line.account.1, line.id));
            }
        }
    }
    own.sort();
    others.sort_unstable();
    others.dedup();
    Links {
        rev_service: own.first().map(|best| best.1),
        is_active: own.first().is_some_and(|best| best.2),
        other_rev_services: others.into_iter().map(|(_, id)| id).collect(),
    }
}

const ACCOUNTS: [&str; 2] = ["9000001", "9000002"];

fn random_world(random: &mut StdRng, devices: &[Uuid]) -> World {
    let account =
        |random: &mut StdRng| (ACCOUNTS.choose(random).copied().unwrap().to_owned(), random.random_range(0..2));
    let number = |random: &mut StdRng| {
        let bare = 2_025_550_000_u64 + random.random_range(0..8);
        if random.random_bool(0.5) { format!("1{bare}") } else { bare.to_string() }
    };
    let lines = (0..random.random_range(0..24)).map(|id| Line {
        id,
        account: account(random),
        number: number(random),
        disconnected: random.random_bool(0.3),
        activated: random.random_range(1..4),
        gone: random.random_bool(0.1),
        products: (0..random.random_range(0..3))
            .map(|_| Product {
                status: *[Some("ACTIVE"), Some("PENDING"), Some("DISCONNECTED"), Some("DENIED"), None]
                    .choose(random)
                    .unwrap(),
                canceled: random.random_bool(0.4).then(|| random.random_range(1..4)),
                gone: random.random_bool(0.1),
            })
            .collect(),
    });
    let lines: Vec<Line> = lines.collect();
    let devices = devices.iter().map(|id| Device {
        id: *id,
        msisdn: random.random_bool(0.9).then(|| number(random)),
        archived: random.random_bool(0.1),
        account: random.random_bool(0.7).then(|| account(random)),
    });
    let devices: Vec<Device> = devices.collect();
    let out = (0..2).flat_map(|place| ACCOUNTS.map(|number| (number.to_owned(), place)));
    World { lines, devices, out: out.filter(|_| random.random_bool(0.15)).collect() }
}

/// The world as SQL that puts it in place of what was there.
fn planted(world: &World, tenant: Uuid, places: &[Uuid; 2]) -> String {
    let text = |text: Option<&str>| text.map_or("null".to_owned(), |text| format!("'{text}'"));
    let mut sql = format!(
        "delete from app.rev_service_product; delete from app.rev_service;
         update app.rev_customer set status = 'OPEN' where tenant_id = '{tenant}';"
    );
    for (number, place) in &world.out {
        let place = places[*place];
        write!(sql, "update app.rev_customer set status = 'CLOSED' where rev_customer_id = '{number}' and integration_authentication_id = '{place}';").unwrap();
    }
    for line in &world.lines {
        let place = places[line.account.1];
        let gone = if line.gone { "now()" } else { "null" };
        let disconnected = if line.disconnected { "'2026-01-01'" } else { "null" };
        write!(
            sql,
            "insert into app.rev_service (tenant_id, integration_authentication_id, rev_service_id, rev_customer_id, number, activated_date, disconnected_date, gone_at)
             values ('{tenant}', '{place}', {}, '{}', '{}', '2025-01-0{}', {disconnected}, {gone});",
            line.id, line.account.0, line.number, line.activated
        )
        .unwrap();
        for (n, product) in line.products.iter().enumerate() {
            let canceled = product.canceled.map(|day| format!("2026-01-0{day}"));
            let gone = if product.gone { "now()" } else { "null" };
            write!(
                sql,
                "insert into app.rev_service_product (tenant_id, integration_authentication_id, rev_service_product_id, rev_service_id, status, canceled_date, gone_at)
                 values ('{tenant}', '{place}', {}, {}, {}, {}, {gone});",
                line.id * 10 + i64::try_from(n).unwrap(), line.id, text(product.status), text(canceled.as_deref())
            )
            .unwrap();
        }
    }
    for device in &world.devices {
        write!(
            sql,
            "update app.m2m_device set msisdn = {}, is_archived = {} where id = '{}';",
            text(device.msisdn.as_deref()),
            device.archived,
            device.id
        )
        .unwrap();
        let (number, place) = device.account.as_ref().map_or(("null".into(), "null".into()), |(number, place)| {
            (format!("'{number}'"), format!("'{}'", places[*place]))
        });
        write!(sql, "update app.device_tenant set account_number = {number}, account_number_integration_authentication_id = {place} where device_id = '{}';", device.id)
            .unwrap();
        write!(
            sql,
            "insert into app.device_link_due (tenant_id, device_id) values ('{tenant}', '{}') on conflict do nothing;",
            device.id
        )
        .unwrap();
    }
    sql
}

/// Two Rev.io accounts with the same four customer numbers, each with its site.
async fn two_accounts(app: &TestApp) -> [Uuid; 2] {
    let mut auditor = app.database.server().connect_as(Role::Auditor).await.unwrap();
    let first: Uuid = sqlx::query_scalar("select id from app.integration_authentication where tenant_id = $1")
        .bind(app.fixture.tenant.0)
        .fetch_one(&mut auditor)
        .await
        .unwrap();
    let (second, tenant) = (app.ids.next(), app.fixture.tenant);
    app.database
        .plant(&format!(
            "insert into app.integration_authentication (tenant_id, id, integration_id, name) values ('{tenant}', '{second}', 3, 'Second');
             insert into app.rev_customer (tenant_id, id, rev_customer_id, integration_authentication_id, customer_name)
             select tenant_id, gen_random_uuid(), rev_customer_id, '{second}', customer_name from app.rev_customer
             where tenant_id = '{tenant}' and integration_authentication_id = '{first}';
             insert into app.site (tenant_id, id, name, rev_customer_id)
             select r.tenant_id, gen_random_uuid(), 'seat of ' || r.id, r.id from app.rev_customer r
             where not exists (select from app.site s where s.rev_customer_id = r.id)"
        ))
        .await
        .unwrap();
    [first, second]
}

#[tokio::test]
async fn links_are_what_a_plain_model_makes_of_any_world() {
    let app = TestApp::start(20).await.unwrap();
    let places = two_accounts(&app).await;
    let tenant = app.fixture.tenant;
    let mut auditor = app.database.server().connect_as(Role::Auditor).await.unwrap();
    let devices: Vec<Uuid> =
        sqlx::query_scalar("select id from app.m2m_device where tenant_id = $1 order by iccid limit 20")
            .bind(tenant.0)
            .fetch_all(&mut auditor)
            .await
            .unwrap();
    let (mut linked, mut elsewhere) = (0, 0);
    for seed in 0..if in_deep_run() { 1_000 } else { 80 } {
        let world = random_world(&mut StdRng::seed_from_u64(seed), &devices);
        app.database.plant(&planted(&world, tenant.0, &places)).await.unwrap();
        assert_eq!(due_links(&app.ledger, tenant).await.unwrap(), 20);
        while relink(&app.ledger, tenant).await.unwrap().0 > 0 {}
        for device in &world.devices {
            let found = links_of(&app.ledger, tenant, device.id).await.unwrap().unwrap();
            let mut wanted = model(&world, device);
            // Both by account, whose ids are only known here.
            if places[0] > places[1] {
                wanted.other_rev_services.sort_by_key(|id| {
                    let line = world.lines.iter().find(|line| line.id == *id).unwrap();
                    (places[line.account.1], *id)
                });
            }
            assert_eq!(found, wanted, "seed {seed}: {device:?} of {world:?}");
            linked += usize::from(found.rev_service.is_some());
            elsewhere += usize::from(!found.other_rev_services.is_empty());
        }
        app.database.plant(&format!("insert into app.device_link_due select tenant_id, device_id from app.device_tenant where tenant_id = '{tenant}'")).await.unwrap();
        assert_eq!(relink(&app.ledger, tenant).await.unwrap().1, 0, "seed {seed}: a second time moves nothing");
    }
    assert!(linked > 50 && elsewhere > 50, "worlds in which nothing is billed prove nothing: {linked} {elsewhere}");
    // These accounts were not assigned, they were planted: the app's invariants are asked with none.
    app.database
        .plant(
            "update app.device_tenant set account_number = null, account_number_integration_authentication_id = null",
        )
        .await
        .unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_link_is_made_for_the_account_that_an_assignment_has_just_written() {
    let app = TestApp::start(1).await.unwrap();
    let places = two_accounts(&app).await;
    let tenant = app.fixture.tenant;
    let mut worker = app.database.server().connect_as(Role::Worker).await.unwrap();
    let mut auditor = app.database.server().connect_as(Role::Auditor).await.unwrap();
    let id: Uuid = sqlx::query_scalar("select id from app.m2m_device where tenant_id = $1 order by iccid limit 1")
        .bind(tenant.0)
        .fetch_one(&mut auditor)
        .await
        .unwrap();
    let line = |id: i64, number: &str| Line {
        id,
        account: (number.to_owned(), 0),
        number: "2025550000".into(),
        disconnected: false,
        activated: 1,
        gone: false,
        products: vec![Product { status: Some("ACTIVE"), canceled: None, gone: false }],
    };
    let device =
        Device { id, msisdn: Some("2025550000".into()), archived: false, account: Some(("9000001".into(), 0)) };
    let world = World { lines: vec![line(1, "9000001"), line(2, "9000002")], devices: vec![device], out: Vec::new() };
    app.database.plant(&planted(&world, tenant.0, &places)).await.unwrap();
    // An assignment to the other account is written and not committed yet when the link is made.
    let mut settle = worker.begin().await.unwrap();
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(tenant.0.to_string())
        .execute(&mut *settle)
        .await
        .unwrap();
    sqlx::query("update app.device_tenant set account_number = '9000002' where device_id = $1")
        .bind(id)
        .execute(&mut *settle)
        .await
        .unwrap();
    let ledger = app.ledger.clone();
    let linking = tokio::spawn(async move { relink(&ledger, tenant).await.unwrap() });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!linking.is_finished(), "it waits for the assignment");
    settle.commit().await.unwrap();
    assert_eq!(linking.await.unwrap().0, 1);
    let found = links_of(&app.ledger, tenant, id).await.unwrap().unwrap();
    assert_eq!(found, Links { rev_service: Some(2), is_active: true, other_rev_services: vec![1] });
    // These accounts were not assigned, they were planted: the app's invariants are asked with none.
    app.database
        .plant(
            "update app.device_tenant set account_number = null, account_number_integration_authentication_id = null",
        )
        .await
        .unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_agents_link_follows_the_number_that_its_partner_imports() {
    let app = TestApp::start(1).await.unwrap();
    let iccid = testing::iccid(0);
    // The partner mirrors nothing; its agent has an account at Rev.io, and the device.
    let agent = testing::Agent::make(&app, std::slice::from_ref(&iccid)).await.unwrap();
    let (tenant, account) = (agent.tenant, app.ids.next());
    app.database
        .plant(&format!(
            "insert into app.integration_authentication (tenant_id, id, integration_id, name) values ('{tenant}', '{account}', 3, 'Gamma');
             insert into app.rev_customer (tenant_id, id, rev_customer_id, integration_authentication_id, customer_name)
                 values ('{tenant}', gen_random_uuid(), '1', '{account}', 'Farm');
             insert into app.rev_service (tenant_id, integration_authentication_id, rev_service_id, rev_customer_id, number)
                 values ('{tenant}', '{account}', 7, '1', '2025550007');
             insert into app.rev_service_product (tenant_id, integration_authentication_id, rev_service_product_id, rev_service_id, status)
                 values ('{tenant}', '{account}', 70, 7, 'ACTIVE')"
        ))
        .await
        .unwrap();
    let mut auditor = app.database.server().connect_as(Role::Auditor).await.unwrap();
    let device: Uuid = sqlx::query_scalar("select id from app.m2m_device where iccid = $1")
        .bind(&iccid)
        .fetch_one(&mut auditor)
        .await
        .unwrap();
    for (number, billed) in [("12025550007", vec![7]), ("12025550008", vec![])] {
        let rights = database::rights::of(&app.ledger, app.fixture.tenant, app.fixture.key_id).await.unwrap();
        let partner = database::api_key::Caller::new(app.fixture.tenant, app.fixture.key_id, &rights);
        let told = database::device::ToldDevice {
            row: 1,
            id: domain::ids::DeviceId(app.ids.next()),
            iccid: iccid.clone(),
            other_form: None,
            msisdn: Some(number.to_owned()),
            imei: None,
            eid: None,
            status: None,
            carrier_rate_plan: None,
            ip_address: None,
            archived: None,
            activated_at: None,
        };
        let written = database::device::import(&app.ledger, &partner, app.fixture.provider, &[told]).await.unwrap();
        assert_eq!(written.updated, 1, "{written:?}");
        assert_eq!(relink(&app.ledger, app.fixture.tenant).await.unwrap().0, 1);
        let found = links_of(&app.ledger, tenant, device).await.unwrap().unwrap();
        assert_eq!(found.other_rev_services, billed, "{number}: another account's line, for nobody is assigned");
    }
    app.finish().await.unwrap();
}
