//! Signing in: right, wrong, too often, and what nobody can tell from outside.

use domain::rights::Role;
use reqwest::StatusCode;
use std::time::{Duration, Instant};
use testing::{Browser, PASSWORD, TestApp};

#[expect(clippy::disallowed_methods, reason = "how long an answer takes is what is tested")]
fn now() -> Instant {
    Instant::now()
}

const WRONG: &str = "E-mail address and password do not go together.";

#[tokio::test]
async fn the_right_password_lets_in_and_out_again_and_a_wrong_one_does_not() {
    let app = TestApp::start(0).await.unwrap();
    app.person_of(app.fixture.tenant, "ops@example.com", Role::PartnerAdmin).await.unwrap();
    let mut browser = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    let home = browser.get("/bulk-changes?stage=plans").await.unwrap();
    assert_eq!(home.location(), "/sign-in?next=%2Fbulk-changes%3Fstage%3Dplans", "and back to where one was");
    let wrong = browser.sign_in("ops@example.com", "not the password").await.unwrap();
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.html.contains(WRONG) && wrong.html.contains("value=\"ops@example.com\""), "what was typed stays");
    assert!(!wrong.html.contains("not the password"));
    browser.get("/sign-in?next=/devices").await.unwrap();
    // However it is written: one address is one.
    let fields = [("email", " Ops@Example.COM"), ("password", PASSWORD), ("next", "/devices")];
    let right = browser.post("/sign-in", &fields).await.unwrap();
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/devices"));
    let cookie = right.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("ascribe_session=") && cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    let seen = browser.get("/devices").await.unwrap();
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.html);
    assert!(seen.html.contains("Alpha") && seen.html.contains("Partner admin"), "where and as what");

    let before = browser.cookies.clone();
    let out = browser.post("/sign-out", &[]).await.unwrap();
    assert_eq!(out.location(), "/sign-in?done=out");
    assert!(!browser.cookies.contains_key("ascribe_session"));
    browser.cookies = before;
    assert_eq!(
        browser.get("/devices").await.unwrap().location(),
        "/sign-in?next=%2Fdevices&over=1",
        "the cookie is worth nothing now"
    );

    let acts = app.get("/audit?limit=100").await.unwrap().json.to_string();
    for act in ["signed_in", "sign_in_failed", "signed_out", "person:"] {
        assert!(acts.contains(act), "{act} in {acts}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_unknown_address_answers_like_a_wrong_password_in_words_and_in_time() {
    let app = TestApp::start(0).await.unwrap();
    app.person_of(app.fixture.tenant, "ops@example.com", Role::User).await.unwrap();
    let (mut known, mut unknown, mut hashing) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for n in 0_u8..5 {
        for (email, fastest) in [("ops@example.com", &mut known), ("nobody@example.com", &mut unknown)] {
            let mut browser = Browser::from(app.url(), [127, 0, 1, n + 1]).unwrap();
            browser.get("/sign-in").await.unwrap();
            let began = now();
            let seen = browser.post("/sign-in", &[("email", email), ("password", "wrong wrong wrong")]).await.unwrap();
            *fastest = began.elapsed().min(*fastest);
            assert_eq!(seen.status, StatusCode::FORBIDDEN);
            assert!(seen.html.contains(WRONG));
        }
        for _ in 0..2 {
            let began = now();
            domain::password::hash("wrong wrong wrong", &app.ids).unwrap();
            hashing = began.elapsed().min(hashing);
        }
    }
    // Hashing is most of either. A busy machine makes an answer slower, and never faster than what it does.
    assert!(known > hashing / 2 && unknown > hashing / 2, "{known:?} {unknown:?} {hashing:?}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn who_guesses_has_to_wait_and_locks_nobody_out() {
    let app = TestApp::start(0).await.unwrap();
    app.person_of(app.fixture.tenant, "ops@example.com", Role::User).await.unwrap();
    let mut attacker = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    for _ in 0..5 {
        let seen = attacker.sign_in("ops@example.com", "a wrong password").await.unwrap();
        assert_eq!(seen.status, StatusCode::FORBIDDEN);
    }
    // The right one waits, too: whether it is right is not told before its time.
    for password in ["a wrong password", PASSWORD] {
        let seen = attacker.sign_in("ops@example.com", password).await.unwrap();
        assert_eq!(seen.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(seen.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
        assert!(seen.html.contains("Nobody is locked out"), "{}", seen.html);
    }
    let failed =
        app.database.number("select count(*) from app.audit_entry where action = 'sign_in_failed'").await.unwrap();
    assert!(failed <= 5, "tries that wait are not written down: {failed}");
    let mut owner = Browser::from(app.url(), [127, 0, 0, 2]).unwrap();
    assert_eq!(owner.sign_in("ops@example.com", PASSWORD).await.unwrap().status, StatusCode::SEE_OTHER);
    // And others from the attacker's address come in as well.
    app.person_of(app.fixture.tenant, "other@example.com", Role::User).await.unwrap();
    let mut other = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    assert_eq!(other.sign_in("other@example.com", PASSWORD).await.unwrap().status, StatusCode::SEE_OTHER);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_kept_of_a_password_is_argon2id_and_only_who_signs_people_in_can_read_it() {
    let app = TestApp::start(0).await.unwrap();
    app.person_of(app.fixture.tenant, "ops@example.com", Role::User).await.unwrap();
    app.database
        .plant(
            "do $$ begin assert (select count(*) from app.person_password where phc like '$argon2id$v=19$m=19456,t=2,p=1$%') = 1; end $$",
        )
        .await
        .unwrap();
    let may =
        "select count(*) from pg_roles r where r.rolname in ('ascribe_worker', 'ascribe_dispatcher', 'ascribe_auditor')
               and has_table_privilege(r.oid, 'app.person_password', 'select')";
    assert_eq!(app.database.number(may).await.unwrap(), 0);
    app.finish().await.unwrap();
}
