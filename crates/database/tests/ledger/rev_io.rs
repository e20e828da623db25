//! What the ledger keeps for Rev.io: secrets that do not show, and a budget that many share.

use database::rev_io::{self, CredentialRefusal};
use database::secret::{KeyRing, SecretError};
use domain::ids::IntegrationAuthenticationId;
use secrecy::{ExposeSecret as _, SecretString};
use testing::TestApp;
use uuid::Uuid;

async fn caller(app: &TestApp) -> database::api_key::Caller {
    let rights = database::rights::of(&app.ledger, app.fixture.tenant, app.fixture.key_id).await.unwrap();
    database::api_key::Caller::new(app.fixture.tenant, app.fixture.key_id, &rights)
}

async fn account(app: &TestApp) -> IntegrationAuthenticationId {
    rev_io::accounts(&app.ledger, app.fixture.tenant).await.unwrap().remove(0).id
}

#[tokio::test]
async fn secrets_are_sealed_read_by_the_worker_alone_and_bound_to_their_place() {
    let app = TestApp::start(0).await.unwrap();
    let (caller, account) = (caller(&app).await, account(&app).await);
    let old = KeyRing::read(&SecretString::from("11".repeat(32))).unwrap();
    let secrets = [
        ("username", SecretString::from("canary-user")),
        ("password", SecretString::from("canary-password")),
        ("subscription_key", SecretString::from("canary-subscription")),
    ];
    let tenant = app.fixture.tenant;
    let refused = rev_io::credentials(&app.ledger, tenant, &old, account.0).await;
    assert!(matches!(refused, Err(CredentialRefusal::Missing("username"))));
    assert!(rev_io::keep_secrets(&app.ledger, &caller, (&old, &app.ids), account.0, &secrets).await.unwrap());
    assert!(!rev_io::keep_secrets(&app.ledger, &caller, (&old, &app.ids), app.ids.next(), &secrets).await.unwrap());
    let open = rev_io::credentials(&app.ledger, tenant, &old, account.0).await.unwrap();
    assert_eq!(open.password.expose_secret(), "canary-password");
    assert_eq!(open.subscription_key.as_ref().unwrap().expose_secret(), "canary-subscription");
    assert!(!format!("{open:?}").contains("canary"), "{open:?}");

    // Nothing of it is anywhere in the database: neither in the sealed columns nor in the audit trail.
    let tables = "select coalesce(string_agg(t::text, ' '), '') from (select c::text as t from app.credential c union all select a::text from app.audit_entry a) as x";
    let text: String =
        sqlx::query_scalar(tables).fetch_one(&mut app.database.admin().connect().await.unwrap()).await.unwrap();
    assert!(text.contains("credentials_written") && !text.contains("canary"), "{text}");
    assert!(!text.contains(&hex::encode("canary")), "not in hexadecimal either");

    // The web role writes it and cannot read it back.
    let mut web = app.database.server().connect_as(database::Role::Web).await.unwrap();
    let read = sqlx::query("select sealed_value from app.credential").fetch_all(&mut web).await.unwrap_err();
    assert_eq!(read.as_database_error().unwrap().code().unwrap(), "42501");

    // Another row's ciphertext does not open here.
    app.database.plant("update app.credential c set sealed_value = o.sealed_value, sealed_key = o.sealed_key from app.credential o where c.field = 'username' and o.field = 'password'").await.unwrap();
    let moved = rev_io::credentials(&app.ledger, tenant, &old, account.0).await;
    assert!(matches!(moved, Err(CredentialRefusal::Secret(field, SecretError::DoesNotOpen)) if field == "username"));
    rev_io::keep_secrets(&app.ledger, &caller, (&old, &app.ids), account.0, &secrets[..1]).await.unwrap();

    // An older secret that is put back does not open: it was another version's.
    let keep = "create table app.kept as select * from app.credential where field = 'password'";
    app.database.plant(keep).await.unwrap();
    rev_io::keep_secrets(&app.ledger, &caller, (&old, &app.ids), account.0, &secrets[1..2]).await.unwrap();
    app.database.plant("update app.credential c set sealed_value = k.sealed_value, sealed_key = k.sealed_key from app.kept k where c.field = k.field; drop table app.kept").await.unwrap();
    let put_back = rev_io::credentials(&app.ledger, tenant, &old, account.0).await;
    assert!(matches!(put_back, Err(CredentialRefusal::Secret(field, SecretError::DoesNotOpen)) if field == "password"));
    rev_io::keep_secrets(&app.ledger, &caller, (&old, &app.ids), account.0, &secrets).await.unwrap();

    // A new key takes over.
    let new = "22".repeat(32);
    let both = KeyRing::read(&SecretString::from(format!("{new}\n{}", "11".repeat(32)))).unwrap();
    assert_eq!(rev_io::rewrap_all(&app.ledger, tenant, &both, &app.ids).await.unwrap(), 3);
    assert_eq!(rev_io::rewrap_all(&app.ledger, tenant, &both, &app.ids).await.unwrap(), 0);
    let only_new = KeyRing::read(&SecretString::from(new)).unwrap();
    let open = rev_io::credentials(&app.ledger, tenant, &only_new, account.0).await.unwrap();
    assert_eq!(open.username.expose_secret(), "canary-user");
    let gone = rev_io::credentials(&app.ledger, tenant, &old, account.0).await;
    assert!(matches!(gone, Err(CredentialRefusal::Secret(_, SecretError::KeyUnknown))));
    app.finish().await.unwrap();
}

/// Takes what it can get from this ledger.
async fn take(ledger: &database::Ledger, app: &TestApp, account: Uuid, wanted: u32) -> rev_io::Granted {
    rev_io::take_permits(ledger, app.fixture.tenant, account, wanted).await.unwrap()
}

#[tokio::test]
async fn all_workers_together_stay_below_what_the_provider_allows() {
    let app = TestApp::start(0).await.unwrap();
    let account = account(&app).await.0;
    app.database
        .plant("update app.integration_authentication set calls_per_minute = 500, calls_per_day = 5000")
        .await
        .unwrap();
    // Half a second after another for two minutes, four workers each time, each as greedy as can be.
    let (started, mut given): (_, Vec<(f64, u32)>) = (tokio::time::Instant::now(), Vec::new());
    for step in 0..240_u32 {
        let later =
            database::Ledger::new(app.ledger.server().later_by(&format!("{} milliseconds", 10_000 + step * 500)));
        let taken = tokio::join!(
            take(&later, &app, account, 100),
            take(&later, &app, account, 100),
            take(&later, &app, account, 100)
        );
        later.close().await;
        // The real time that has passed comes on top of the shifted one.
        let at = f64::from(step) * 0.5 + started.elapsed().as_secs_f64();
        given.push((at, taken.0.calls + taken.1.calls + taken.2.calls));
        // A little less than a minute: between the grant and this line some time has passed, too.
        let last: u32 = given.iter().filter(|(then, _)| at - then < 59.0).map(|(_, calls)| calls).sum();
        assert!(last <= 500, "{last} within a minute at {at}");
    }
    let end = given.last().map_or(0.0, |(at, _)| *at);
    let second_half: u32 = given.iter().filter(|(at, _)| *at > end / 2.0).map(|(_, calls)| calls).sum();
    let allowed = end / 2.0 * 500.0 / 60.0;
    assert!(f64::from(second_half) >= 0.95 * allowed, "and not much below: {second_half} of {allowed}");

    // The day's last calls are given, and then none until midnight in UTC.
    app.database
        .plant("update app.call_budget set taken_today = 4998, next_at = now() - interval '1 hour'")
        .await
        .unwrap();
    assert_eq!(take(&app.ledger, &app, account, 5).await.calls, 2);
    let none = take(&app.ledger, &app, account, 1).await;
    assert!(none.calls == 0 && none.wait_seconds > 0.0 && none.wait_seconds <= 86_400.0, "{none:?}");
    assert_eq!(rev_io::left_today(&app.ledger, app.fixture.tenant, account).await.unwrap(), Some((0, 500)));
    let tomorrow = database::Ledger::new(app.ledger.server().later_by("1 day"));
    assert!(take(&tomorrow, &app, account, 1).await.calls == 1, "a new day");
    tomorrow.close().await;

    // What the provider asks for holds for everybody.
    app.database
        .plant("update app.call_budget set taken_today = 0, next_at = now() - interval '1 hour'")
        .await
        .unwrap();
    rev_io::block(&app.ledger, app.fixture.tenant, account, 30.0).await.unwrap();
    let asked = take(&app.ledger, &app, account, 1).await;
    assert!(asked.calls == 0 && (25.0..=30.0).contains(&asked.wait_seconds), "{asked:?}");
    assert_eq!(take(&app.ledger, &app, app.ids.next(), 1).await.calls, 0, "an account that is not there gets nothing");
    app.database.plant("update app.integration_authentication set paused_because = 'a look'").await.unwrap();
    let paused = take(&app.ledger, &app, account, 1).await;
    assert!(paused.paused && paused.calls == 0, "{paused:?}");
    app.finish().await.unwrap();
}
