//! Giving runs through one function: the role that serves the API takes nothing of another tenant's, whatever it asks.

use database::Role;
use sqlx::{AssertSqlSafe, Connection as _};
use testing::{Agent, TestApp, iccid};

#[tokio::test]
async fn the_role_that_serves_the_api_cannot_take_a_device_of_its_partner() {
    let app = TestApp::start(2).await.unwrap();
    let agent = Agent::make(&app, &[iccid(0)]).await.unwrap();
    let mut auditor = app.database.server().connect_as(Role::Auditor).await.unwrap();
    let mut devices = Vec::new();
    for place in 0..2 {
        let id: sqlx::types::Uuid = sqlx::query_scalar("select id from app.m2m_device where iccid = $1")
            .bind(iccid(place))
            .fetch_one(&mut auditor)
            .await
            .unwrap();
        devices.push(id);
    }
    app.database
        .plant(&format!("update app.device_tenant set taken_back_at = now() where tenant_id = '{}'", agent.tenant))
        .await
        .unwrap();
    let (owner, other) = (app.fixture.tenant, app.fixture.other_tenant);
    let array = format!("array[1], array['{}'], array[null::text]", iccid(1));
    let insert = |device: &sqlx::types::Uuid| {
        format!(
            "insert into app.device_tenant (tenant_id, device_id, device_owner_tenant_id, site_id, modified_at)
             values ('{0}', '{device}', '{owner}', '{1}', now())",
            agent.tenant, agent.unassigned
        )
    };
    let mut web = app.database.server().connect_as(Role::Web).await.unwrap();
    for (tenant, sql, why) in [
        (agent.tenant, insert(&devices[1]), "row-level security"),
        // Also not what it once had.
        (agent.tenant, insert(&devices[0]), "row-level security"),
        (
            agent.tenant,
            format!("update app.device_tenant set taken_back_at = null where tenant_id = '{}'", agent.tenant),
            "permission denied",
        ),
        (
            agent.tenant,
            format!("select app.give_devices('{owner}', '{}', null, {array}, 'x')", agent.tenant),
            "another tenant",
        ),
        (
            agent.tenant,
            format!("select app.give_devices('{0}', '{0}', null, {array}, 'x')", agent.tenant),
            "no such agent",
        ),
        (owner, format!("select app.give_devices('{owner}', '{other}', null, {array}, 'x')"), "no such agent"),
        (
            owner,
            format!("select app.take_back_devices('{owner}', '{other}', null, {array}, true, 'x')"),
            "no such agent",
        ),
        (
            owner,
            format!("select app.find_devices_of_agent('{owner}', '{}', null, {array})", agent.tenant),
            "permission denied",
        ),
    ] {
        let mut transaction = web.begin().await.unwrap();
        sqlx::query("select set_config('app.tenant', $1, true)")
            .bind(tenant.to_string())
            .execute(&mut *transaction)
            .await
            .unwrap();
        let done = sqlx::query(AssertSqlSafe(sql.clone())).execute(&mut *transaction).await;
        let said = done.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains(why), "{sql}: {said:?}");
    }
    // What was taken back is there for nobody who runs, not even by its id.
    for role in [Role::Web, Role::Worker] {
        let mut connection = app.database.server().connect_as(role).await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        sqlx::query("select set_config('app.tenant', $1, true)")
            .bind(agent.tenant.to_string())
            .execute(&mut *transaction)
            .await
            .unwrap();
        for sql in ["select count(*) from app.device_tenant", "select count(*) from app.m2m_device"] {
            let seen: i64 = sqlx::query_scalar(sql).fetch_one(&mut *transaction).await.unwrap();
            assert_eq!(seen, 0, "{role:?} {sql}");
        }
    }
    // And after giving, the transaction is the partner's again.
    let mut transaction = web.begin().await.unwrap();
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(owner.to_string())
        .execute(&mut *transaction)
        .await
        .unwrap();
    let sql = format!("select outcome from app.give_devices('{owner}', '{}', null, {array}, 'x')", agent.tenant);
    let outcome: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *transaction).await.unwrap();
    let whose: String =
        sqlx::query_scalar("select current_setting('app.tenant')").fetch_one(&mut *transaction).await.unwrap();
    assert_eq!((outcome.as_str(), whose), ("GIVEN", owner.to_string()));
    transaction.rollback().await.unwrap();
    app.finish().await.unwrap();
}
