//! The seed's procedures against a plain model that does one row after the other, on random data.

use database::Role;
use domain::ids::TenantId;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::collections::BTreeMap;
use testing::{TestApp, in_deep_run};
use uuid::Uuid;

/// An assignment in the model.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    site: Uuid,
    account: Option<String>,
    authentication: Option<Uuid>,
    plan: Option<Uuid>,
    pool: Option<Uuid>,
    allocation: Option<String>,
    version: i32,
}

type Rows = BTreeMap<Uuid, Row>;

/// A row of device_tenant as it is read: device, site, account, authentication, plan, pool, allocation, version.
type Found = (Uuid, Uuid, Option<String>, Option<Uuid>, Option<Uuid>, Option<Uuid>, Option<String>, i32);

/// The tables, as the auditor reads them.
async fn rows(app: &TestApp) -> Rows {
    let mut auditor = app.database.server().connect_as(Role::Auditor).await.unwrap();
    let found: Vec<Found> = sqlx::query_as(
        "select device_id, site_id, account_number, account_number_integration_authentication_id, customer_rate_plan_id,
             customer_rate_pool_id, customer_data_allocation_mb::text, version from app.device_tenant where tenant_id = $1")
        .bind(app.fixture.tenant.0)
        .fetch_all(&mut auditor)
        .await
        .unwrap();
    found
        .into_iter()
        .map(|(device, site, account, authentication, plan, pool, allocation, version)| {
            (device, Row { site, account, authentication, plan, pool, allocation, version })
        })
        .collect()
}

async fn column(app: &TestApp, sql: &'static str) -> Vec<Uuid> {
    let mut auditor = app.database.server().connect_as(Role::Auditor).await.unwrap();
    sqlx::query_scalar(sql).bind(app.fixture.tenant.0).fetch_all(&mut auditor).await.unwrap()
}

/// Runs one statement as the worker in the tenant; the SQLSTATE if it raises.
async fn in_tenant<'q>(
    worker: &mut PgConnection,
    tenant: TenantId,
    query: sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>,
) -> Result<(), String> {
    let mut transaction = worker.begin().await.unwrap();
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(tenant.to_string())
        .execute(&mut *transaction)
        .await
        .unwrap();
    match query.execute(&mut *transaction).await {
        Ok(_) => {
            transaction.commit().await.unwrap();
            Ok(())
        }
        Err(error) => Err(error.as_database_error().and_then(|e| e.code()).map(|c| c.into_owned()).unwrap_or_default()),
    }
}

/// A version moves only when something moved.
fn put(rows: &mut Rows, device: Uuid, new: Row) {
    match rows.get_mut(&device) {
        Some(old) => {
            let version = old.version;
            let moved = Row { version, ..new.clone() } != *old;
            *old = Row { version: version + i32::from(moved), ..new };
        }
        None => {
            rows.insert(device, Row { version: 1, ..new });
        }
    }
}

fn some_of<T: Copy>(random: &mut StdRng, of: &[T]) -> Vec<T> {
    let count = random.random_range(1..=of.len());
    of.choose_multiple(random, count).copied().collect()
}

#[tokio::test]
async fn the_seeds_procedures_do_what_a_row_by_row_model_does() {
    let sequences = if in_deep_run() { 400 } else { 40 };
    for seed in 0..sequences {
        one_sequence(seed).await;
    }
}

async fn one_sequence(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let app = TestApp::start(12).await.unwrap();
    let tenant = app.fixture.tenant;
    // A few devices without an assignment yet, as an agent's are at first.
    app.database
        .plant(
            "delete from app.device_tenant where device_id in (select id from app.m2m_device order by iccid limit 3)",
        )
        .await
        .unwrap();
    let devices = column(&app, "select id from app.m2m_device where tenant_id = $1 order by id").await;
    let amop =
        column(&app, "select id from app.site where tenant_id = $1 and rev_customer_id is null order by id").await;
    let plans = column(&app, "select id from app.customer_rate_plan where tenant_id = $1 order by id").await;
    let pools = column(&app, "select id from app.customer_rate_pool where tenant_id = $1 order by id").await;
    let mut auditor = app.database.server().connect_as(Role::Auditor).await.unwrap();
    let rev: Vec<(Uuid, String, Uuid)> = sqlx::query_as(
        "select site_id, rev_customer_id, integration_authentication_id from app.seat s where tenant_id = $1 and rev_customer_id is not null
             and exists (select from app.customer c where c.id = s.customer_id and not c.is_closed) order by site_id")
        .bind(tenant.0)
        .fetch_all(&mut auditor)
        .await
        .unwrap();
    let mut worker = app.database.server().connect_as(Role::Worker).await.unwrap();
    let mut model = rows(&app).await;
    for _ in 0..12 {
        let some = some_of(&mut random, &devices);
        let owners = vec![tenant.0; some.len()];
        let step = random.random_range(0..3);
        let run = match step {
            0 => {
                let sites: Vec<Uuid> = some.iter().map(|_| *amop.choose(&mut random).unwrap()).collect();
                for (device, site) in some.iter().zip(&sites) {
                    let old = model.get(device).cloned();
                    let (plan, pool, allocation) = old.map(|o| (o.plan, o.pool, o.allocation)).unwrap_or_default();
                    put(
                        &mut model,
                        *device,
                        Row { site: *site, account: None, authentication: None, plan, pool, allocation, version: 0 },
                    );
                }
                (some, sites, Vec::new(), Vec::new(), Vec::new())
            }
            1 => {
                let chosen: Vec<_> = some.iter().map(|_| rev.choose(&mut random).unwrap().clone()).collect();
                for (device, (site, account, authentication)) in some.iter().zip(&chosen) {
                    let old = model.get(device).cloned();
                    let (plan, pool, allocation) = old.map(|o| (o.plan, o.pool, o.allocation)).unwrap_or_default();
                    put(
                        &mut model,
                        *device,
                        Row {
                            site: *site,
                            account: Some(account.clone()),
                            authentication: Some(*authentication),
                            plan,
                            pool,
                            allocation,
                            version: 0,
                        },
                    );
                }
                (some, chosen.into_iter().map(|c| c.0).collect(), Vec::new(), Vec::new(), Vec::new())
            }
            _ => {
                let mut maybe = |of: &[Uuid]| -> Vec<Option<Uuid>> {
                    some.iter().map(|_| random.random_bool(0.6).then(|| *of.choose(&mut random).unwrap())).collect()
                };
                let (plan, pool) = (maybe(&plans), maybe(&pools));
                let allocation: Vec<Option<String>> = some
                    .iter()
                    .map(|_| random.random_bool(0.5).then(|| format!("{}.2500", random.random_range(0..9))))
                    .collect();
                for (n, device) in some.iter().enumerate() {
                    if let Some(old) = model.get(device).cloned() {
                        let new = Row {
                            plan: plan[n].or(old.plan),
                            pool: pool[n].or(old.pool),
                            allocation: allocation[n].clone().or(old.allocation.clone()),
                            ..old
                        };
                        put(&mut model, *device, new);
                    }
                }
                (some, Vec::new(), plan, pool, allocation)
            }
        };
        let (some, sites, plan, pool, allocation) = run;
        // Twice: the second call changes nothing.
        for _ in 0..2 {
            let query = match step {
                0 => sqlx::query("select app.usp_device_bulk_change_assign_non_rev_customer($1, $2, $3, $4)").bind(tenant.0).bind(&some).bind(&owners).bind(&sites),
                1 => sqlx::query("select app.usp_assign_customer_update_site($1, $2, $3, $4)").bind(tenant.0).bind(&some).bind(&owners).bind(&sites),
                _ => sqlx::query("select app.usp_device_bulk_change_customer_rate_plan_change_update($1, $2, $3, $4, $5::text[]::numeric[])")
                    .bind(tenant.0).bind(&some).bind(&plan).bind(&pool).bind(&allocation),
            };
            in_tenant(&mut worker, tenant, query).await.unwrap();
            assert_eq!(rows(&app).await, model, "seed {seed}, step {step}");
        }
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_wrong_site_plan_or_pool_changes_nothing_and_says_za010() {
    let app = TestApp::start(2).await.unwrap();
    let tenant = app.fixture.tenant;
    let device = vec![column(&app, "select id from app.m2m_device where tenant_id = $1 order by id").await[0]];
    let owner = vec![tenant.0];
    let before = rows(&app).await;
    let mut worker = app.database.server().connect_as(Role::Worker).await.unwrap();
    let foreign: Uuid = sqlx::query_scalar("select id from app.site where tenant_id = $1")
        .bind(app.fixture.other_tenant.0)
        .fetch_one(&mut app.database.server().connect_as(Role::Auditor).await.unwrap())
        .await
        .unwrap();
    let (rev_site, amop_site) = (app.fixture.acme.1.0, app.fixture.water.1.0);
    let non_rev = "select app.usp_device_bulk_change_assign_non_rev_customer($1, $2, $3, $4)";
    let rev = "select app.usp_assign_customer_update_site($1, $2, $3, $4)";
    for (sql, site) in [
        (non_rev, foreign),
        (non_rev, rev_site),
        (non_rev, Uuid::nil()),
        (rev, foreign),
        (rev, amop_site),
        (rev, Uuid::nil()),
    ] {
        let query = sqlx::query(sql).bind(tenant.0).bind(&device).bind(&owner).bind(vec![site]);
        assert_eq!(in_tenant(&mut worker, tenant, query).await, Err("ZA010".into()), "{sql} {site}");
    }
    app.database
        .plant("update app.rev_customer set status = 'CLOSED' where rev_customer_id = '9000001'")
        .await
        .unwrap();
    let closed = sqlx::query(rev).bind(tenant.0).bind(&device).bind(&owner).bind(vec![rev_site]);
    assert_eq!(in_tenant(&mut worker, tenant, closed).await, Err("ZA010".into()));
    let plan =
        "select app.usp_device_bulk_change_customer_rate_plan_change_update($1, $2, $3, $4, $5::text[]::numeric[])";
    let none: Vec<Option<Uuid>> = vec![None];
    for (plan_id, pool_id, allocation, sqlstate) in [
        (vec![Some(Uuid::nil())], none.clone(), vec![None::<String>], "ZA010"),
        (none.clone(), vec![Some(foreign)], vec![None], "ZA010"),
        (none.clone(), none.clone(), vec![Some("-1".to_owned())], "23514"),
    ] {
        let query = sqlx::query(plan).bind(tenant.0).bind(&device).bind(plan_id).bind(pool_id).bind(allocation);
        assert_eq!(in_tenant(&mut worker, tenant, query).await, Err(sqlstate.into()));
    }
    assert_eq!(rows(&app).await, before);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_device_is_locked_once_over_all_tenants_and_given_back_only_by_who_holds_it() {
    let app = TestApp::start(4).await.unwrap();
    let devices = column(&app, "select id from app.m2m_device where tenant_id = $1 order by id").await;
    let (mine, theirs) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut worker = app.database.server().connect_as(Role::Worker).await.unwrap();
    let mut lock = async |tenant: TenantId, change: Uuid, devices: &[Uuid]| -> usize {
        let mut transaction = worker.begin().await.unwrap();
        sqlx::query("select set_config('app.tenant', $1, true)")
            .bind(tenant.to_string())
            .execute(&mut *transaction)
            .await
            .unwrap();
        let numbers: Vec<i32> = (1..=i32::try_from(devices.len()).unwrap()).collect();
        let got: Vec<Uuid> = sqlx::query_scalar("select app.lock_devices($1, $2, $3, $4)")
            .bind(tenant.0)
            .bind(change)
            .bind(devices)
            .bind(numbers)
            .fetch_all(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        got.len()
    };
    let (alpha, beta) = (app.fixture.tenant, app.fixture.other_tenant);
    assert_eq!(lock(alpha, mine, &devices[..2]).await, 2);
    assert_eq!(lock(alpha, mine, &devices[..2]).await, 2, "ours stay ours");
    assert_eq!(lock(alpha, theirs, &devices[..3]).await, 1);
    assert_eq!(lock(beta, mine, &devices).await, devices.len() - 3, "another tenant's lock counts, too");
    let unlock = sqlx::query("select app.unlock_devices($1, $2, $3)").bind(alpha.0).bind(theirs).bind(&devices);
    in_tenant(&mut worker, alpha, unlock).await.unwrap();
    assert_eq!(
        app.database.number("select count(*) from app.device_lock").await.unwrap(),
        i64::try_from(devices.len()).unwrap() - 1
    );
    let refused = worker.execute("select * from app.device_lock").await;
    assert!(refused.is_err(), "only the functions reach the table");
    app.database.plant("truncate app.device_lock").await.unwrap();
    app.finish().await.unwrap();
}
