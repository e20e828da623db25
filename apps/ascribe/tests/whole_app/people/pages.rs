//! Pages: who may see which, what is in them, that nothing typed becomes HTML, and that they work as forms alone.

use super::every_page::{Things, sound};
use crate::devices;
use domain::rights::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;
use testing::{Browser, PASSWORD, TestApp, iccid};

/// The id of an input that waits for this browser.
async fn input(browser: &mut Browser) -> String {
    let kept = browser.post("/assign/devices", &[("of", "ticked"), ("tick", &iccid(0))]).await.unwrap();
    kept.location().trim_start_matches("/assign/").to_owned()
}

/// The id of the first device.
async fn a_device(app: &TestApp) -> String {
    let found = app.get(&format!("/devices?iccid={}", iccid(0))).await.unwrap().json;
    found["items"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_role_sees_the_pages_that_its_table_says_and_every_page_is_sound() {
    let app = TestApp::start(6).await.unwrap();
    let things = Things::of(&app).await;
    let mut pages = 0;
    for (role, looks, administers) in [
        (Role::SuperAdmin, true, true),
        (Role::AgentPartnerAdmin, true, true),
        (Role::Agent, true, false),
        (Role::User, true, false),
        (Role::NotificationOnly, false, false),
    ] {
        let (_, mut browser) = app.signed_in(&format!("{}@example.com", role.word()), role).await.unwrap();
        for (method, route, open) in web::pages() {
            if method != Method::GET || open {
                continue;
            }
            let plans = administers || role == Role::Agent;
            // Inputs are somebody's own: who has one names it.
            let path = match route {
                "/assign/{id}" if plans => route.replace("{id}", &input(&mut browser).await),
                route => things.path(route),
            };
            let seen = browser.get(&path).await.unwrap();
            let may = match route {
                route if route.starts_with("/assign") => plans,
                "/" | "/account" | "/tenants" => true,
                route
                    if ["/people", "/integration-authentications", "/api-keys", "/audit", "/system"]
                        .iter()
                        .any(|place| route.starts_with(place)) =>
                {
                    administers
                }
                _ => looks,
            };
            let expected = if may { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(seen.status, expected, "{role:?} {route}: {}", seen.html);
            sound(&seen, &format!("{role:?} {route}"));
            if may && route == "/bulk-changes/{id}" {
                for word in ["ICCID_MALFORMED", "ALREADY_ASSIGNED_OTHER", "<strong>2</strong> ="] {
                    assert!(seen.html.contains(word), "{role:?}: {word}: {}", seen.html);
                }
            }
            assert_eq!(
                seen.html.contains("href=\"/people\" data-go"),
                may && administers,
                "{role:?} {route}: no dead links"
            );
            pages += 1;
        }
        for (method, route, open) in web::pages() {
            // One's own account, one's tenants and one's taste are everybody's.
            let own =
                ["/account", "/tenants", "/sign-out", "/preferences"].iter().any(|place| route.starts_with(place));
            if method == Method::POST && !open && !own && !administers {
                let seen = browser.post(&things.path(route), &[]).await.unwrap();
                let plans = role == Role::Agent && ["retry", "undo", "apply"].iter().any(|act| route.ends_with(act));
                // What only plans, an agent may ask for.
                let plans = plans || role == Role::Agent && route.starts_with("/assign");
                // Who looks at devices may say which.
                let filters = looks && route == "/devices";
                assert!(plans || filters || seen.status == StatusCode::FORBIDDEN, "{role:?} {route}: {}", seen.status);
            }
        }
    }
    assert!(pages >= 120, "{pages}");
    let unchanged = app.get(&format!("/plans/{}", things.plan)).await.unwrap().json;
    assert_eq!(unchanged["status"], "PLANNED", "an agent may not apply at this carrier");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn nobody_who_is_not_signed_in_and_nobody_of_another_tenant_sees_anything() {
    let app = TestApp::start(6).await.unwrap();
    let things = Things::of(&app).await;
    app.person_of(app.fixture.other_tenant, "beta@example.com", Role::SuperAdmin).await.unwrap();
    let mut anonymous = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    let mut beta = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    beta.sign_in("beta@example.com", PASSWORD).await.unwrap();
    beta.get("/account").await.unwrap();
    for (method, route, open) in web::pages() {
        let path = things.path(route);
        if !open {
            let request = anonymous.request(method.clone(), &path);
            let seen = anonymous.send(request).await.unwrap();
            assert!(
                seen.status == StatusCode::SEE_OTHER && seen.location().starts_with("/sign-in"),
                "{method} {route}: {}",
                seen.status
            );
            sound(&seen, route);
        }
        if route.contains("{id}") {
            let fields = [("row", "1"), ("outcome", "failed"), ("reason", "x"), ("what", "deactivate")];
            let seen =
                if method == Method::GET { beta.get(&path).await } else { beta.post(&path, &fields).await }.unwrap();
            assert_eq!(seen.status, StatusCode::NOT_FOUND, "{method} {route}: {}", seen.html);
            for word in ["T-1", "someone@", "Water", "P-ALL"] {
                assert!(!seen.html.contains(word), "{method} {route}: {word}: {}", seen.html);
            }
            sound(&seen, route);
        }
    }
    for list in [
        "/",
        "/devices",
        "/bulk-changes",
        "/bulk-changes?stage=plans",
        "/people",
        "/customers",
        "/sites",
        "/customer-rate-plans",
        "/customer-rate-pools",
        "/service-providers",
        "/integration-authentications",
        "/api-keys",
        "/audit",
        "/audit/verify",
        "/system",
    ] {
        let seen = beta.get(list).await.unwrap();
        assert_eq!(seen.status, StatusCode::OK, "{list}");
        for word in ["T-1", "T-2", "Water", "someone@", &iccid(0)] {
            assert!(!seen.html.contains(word), "{list}: {word}");
        }
    }
    let nowhere = beta.get("/nowhere").await.unwrap();
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert!(nowhere.html.contains("There is nothing here"), "{}", nowhere.html);
    sound(&nowhere, "/nowhere");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_somebody_typed_is_never_html() {
    let app = TestApp::start(3).await.unwrap();
    let canary = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let (_, mut browser) = app.signed_in("ops@example.com", Role::SuperAdmin).await.unwrap();
    app.post("/customers", &json!({"name": canary})).await.unwrap();
    let file = format!("iccid,note\n{},x\n\"{}\",y\n", iccid(0), canary.replace('"', "\"\""));
    let made = app.plan_file(canary, &json!({"reference": canary}), file).await.unwrap().json;
    assert_eq!(made["counts"]["change"], 1, "{made}");
    let plan = browser.get(&format!("/plans/{}", made["id"].as_str().unwrap())).await.unwrap();
    app.post("/bulk-changes", &json!({"plan_id": made["id"]})).await.unwrap();
    app.work().await.unwrap();
    let new = json!({"email": "x@example.com", "name": canary, "role": "user"});
    let person = app.post("/people", &new).await.unwrap().json;
    let change = made["id"].as_str().unwrap();
    let encoded: String = canary.bytes().map(|b| format!("%{b:02X}")).collect();
    let mut seen = vec![plan];
    for path in [
        "/".to_owned(),
        "/bulk-changes".to_owned(),
        format!("/bulk-changes/{change}"),
        format!("/bulk-changes/{change}/rows/2"),
        "/devices".to_owned(),
        format!("/devices?status={encoded}&iccid={encoded}&service_provider={encoded}&customer={encoded}"),
        format!("/devices/{}", a_device(&app).await),
        "/people".to_owned(),
        format!("/people?q={encoded}"),
        format!("/people/{}", person["id"].as_str().unwrap()),
        "/customers".to_owned(),
        format!("/customers?q={encoded}"),
        format!("/sites?q={encoded}&customer={encoded}"),
        format!("/customer-rate-plans?q={encoded}"),
        format!("/customer-rate-pools?q={encoded}"),
        "/audit".to_owned(),
        format!("/audit?actor={encoded}&action={encoded}&since={encoded}&bulk_change={encoded}"),
        format!("/audit/verify?seal_number={encoded}&digest={encoded}"),
        format!("/sign-in?next={encoded}"),
        format!("/{encoded}"),
        format!("/bulk-changes/{change}?reason={encoded}"),
    ] {
        seen.push(browser.get(&path).await.unwrap());
    }
    let fields = [("email", canary), ("name", canary), ("role", canary), ("sites", canary), ("reach", "sites")];
    seen.push(browser.post("/people", &fields).await.unwrap());
    for path in [
        "/customers",
        "/sites",
        "/customer-rate-plans",
        "/customer-rate-pools",
        "/service-providers",
        "/integration-authentications",
        "/api-keys",
    ] {
        let more =
            [("rev_customer_id", canary), ("customer", canary), ("rate_plan_code", canary), ("base_url", canary)];
        let made = browser.post(path, &[&fields[..], &more].concat()).await.unwrap();
        // What was made has it in its title.
        seen.push(if made.status.is_redirection() { browser.get(made.location()).await.unwrap() } else { made });
    }
    let own = format!("/assign/{}", input(&mut browser).await);
    for act in ["find", "plan"] {
        let typed = ["customer", "site", "customer_rate_plan", "reference", "once", "column_0"].map(|f| (f, canary));
        seen.push(browser.post(&own, &[&typed[..], &[("act", act)]].concat()).await.unwrap());
    }
    seen.push(browser.post("/devices", &[("pasted", canary), ("status", canary)]).await.unwrap());
    seen.push(browser.get(&format!("/devices/{}?customer={encoded}", a_device(&app).await)).await.unwrap());
    let mut nobody = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    seen.push(nobody.sign_in(canary, canary).await.unwrap());
    let shown =
        seen.iter().filter(|seen| seen.html.contains("&#60;script&#62;") || seen.html.contains("&lt;script&gt;"));
    assert!(shown.count() >= 12, "it is shown, as text");
    for seen in &seen {
        assert!(!seen.html.contains("<script>alert") && !seen.html.contains("<img src=x"), "{}", seen.html);
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_change_is_applied_paused_retried_undone_and_decided_on_with_forms_alone() {
    let app = TestApp::start(6).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let plan = app.plan("Water", &json!({}), &devices(4)).await.unwrap().json;
    let id = plan["id"].as_str().unwrap().to_owned();
    let page = browser.get(&format!("/plans/{id}")).await.unwrap();
    assert!(page.html.contains("Apply 4 changes") && page.html.contains("ascribe apply"), "{}", page.html);
    let once = page.field("once").unwrap().to_owned();
    for _ in 0..2 {
        // Twice, as by a double click: once.
        let applied = browser.post(&format!("/plans/{id}/apply"), &[("once", &once)]).await.unwrap();
        assert!(applied.location().starts_with(&format!("/bulk-changes/{id}")), "{} {}", applied.status, applied.html);
    }
    let change = format!("/bulk-changes/{id}");
    assert!(browser.get(&format!("{change}?done=applied")).await.unwrap().html.contains("data-events="));
    for (act, state) in [("pause", "Paused"), ("resume", "Starting"), ("pause", "Paused"), ("resume", "Starting")] {
        let done = browser.post(&format!("{change}/{act}"), &[]).await.unwrap();
        let seen = browser.get(done.location()).await.unwrap();
        assert!(seen.html.contains(state), "{act}: {}", seen.html);
    }
    app.work().await.unwrap();
    let done = browser.get(&change).await.unwrap();
    for word in ["<strong>4</strong> =", "4 ok", "0 failed", "0 to do", "Plan it backwards", "results.csv"] {
        assert!(done.html.contains(word), "{word}: {}", done.html);
    }
    assert!(!done.html.contains("data-events="), "nothing comes any more");
    let export = browser.send(browser.request(Method::GET, &format!("/api/v1{change}/results.csv"))).await.unwrap();
    assert_eq!(export.status, StatusCode::OK, "the link works with the cookie");
    let device = browser.get(&format!("/devices/{}", a_device(&app).await)).await.unwrap();
    assert!(
        device.html.contains("Assigned to Water") && device.html.contains(&format!("{change}/rows/1")),
        "{}",
        device.html
    );
    let log = browser.get(&format!("{change}/rows/1")).await.unwrap();
    assert!(log.html.contains("record_assignment"), "{}", log.html);

    let undo = browser.post(&format!("{change}/undo"), &[("once", "u1")]).await.unwrap();
    let undoing = undo.location().to_owned();
    assert!(undoing.starts_with("/plans/"), "{} {}", undo.status, undo.html);
    let page = browser.get(&undoing).await.unwrap();
    assert!(page.html.contains("Undo") && page.html.contains("Apply 4 changes"), "{}", page.html);
    let applied = browser.post(&format!("{undoing}/apply"), &[("once", page.field("once").unwrap())]).await.unwrap();
    let undo_change = applied.location().split('?').next().unwrap().to_owned();
    let cancelled = browser.post(&format!("{undo_change}/cancel"), &[]).await.unwrap();
    assert!(browser.get(cancelled.location()).await.unwrap().html.contains("Cancelled"));
    app.work().await.unwrap();
    let retry = browser.post(&format!("{undo_change}/retry"), &[("once", "r1")]).await.unwrap();
    assert!(retry.location().starts_with("/plans/"), "{} {}", retry.status, retry.html);

    let undone = undo_change.trim_start_matches("/bulk-changes/");
    app.database
        .plant(&format!(
            "update app.m2m_device_change set status = 'NEEDS_ATTENTION', reason = null where bulk_change_id = '{undone}' and row_number = 1;
             update app.bulk_change_counter set cancelled = cancelled - 1, needs_attention = 1 where bulk_change_id = '{undone}'"
        ))
        .await
        .unwrap();
    let home = browser.get("/").await.unwrap();
    assert!(home.html.contains("Rows whose outcome nobody knows"), "{}", home.html);
    let page = browser.get(&undo_change).await.unwrap();
    assert!(page.html.contains("Decide on rows that need attention"), "{}", page.html);
    let empty =
        browser.post(&format!("{undo_change}/resolve"), &[("outcome", "failed"), ("reason", "x")]).await.unwrap();
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY, "no row was ticked");
    let fields = [("row", "1"), ("outcome", "failed"), ("reason", "never arrived"), ("comment", "")];
    let decided = browser.post(&format!("{undo_change}/resolve"), &fields).await.unwrap();
    assert!(decided.location().ends_with("?done=resolve"), "{} {}", decided.status, decided.html);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn lists_have_their_filters_in_the_url_and_their_next_page_in_a_link() {
    let app = TestApp::start(120).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::User).await.unwrap();
    let first = browser.get("/devices").await.unwrap();
    let next = first.html.split("href=\"").find(|part| part.starts_with("/devices?") && part.contains("cursor="));
    let next = next.unwrap().split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let second = browser.get(&next).await.unwrap();
    assert_eq!(second.status, StatusCode::OK);
    assert!(second.html.contains("First page") && !second.html.contains(&iccid(0)), "{next}");
    let one = browser.get(&format!("/devices?iccid=%20{}%20", iccid(7))).await.unwrap();
    assert!(one.html.contains("1 device") && one.html.contains(&iccid(7)), "{}", one.html);
    let none = browser.get("/devices?status=unheard").await.unwrap();
    assert!(none.html.contains("No device is like that") && none.html.contains("value=\"unheard\""), "{}", none.html);
    let nowhere = browser.get("/devices?service_provider=nobody&cursor=").await.unwrap();
    assert!(nowhere.html.contains("No device is like that"));
    assert_eq!(browser.get("/devices?cursor=zz").await.unwrap().status, StatusCode::BAD_REQUEST);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn styles_and_scripts_come_from_the_program_for_ever_and_packed() {
    let app = TestApp::start(0).await.unwrap();
    app.person_of(app.fixture.tenant, "ops@example.com", Role::User).await.unwrap();
    let mut browser = Browser::from(app.url(), [127, 0, 0, 1]).unwrap();
    let page = browser.get("/sign-in").await.unwrap();
    let assets: Vec<String> = page
        .html
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .map(str::to_owned)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(assets.len(), 5, "{assets:?}");
    let mut packed = 0;
    for asset in &assets {
        let seen = browser.send(browser.request(Method::GET, asset).header("accept-encoding", "gzip")).await;
        // What is packed is no text to this client; its headers are what is looked at.
        if let Ok(seen) = seen {
            assert_eq!(seen.headers["cache-control"], "public, max-age=31536000, immutable", "{asset}");
            packed += usize::from(seen.headers.get("content-encoding").is_some_and(|how| how == "gzip"));
            let tag = seen.headers["etag"].clone();
            let again = browser.send(browser.request(Method::GET, asset).header("if-none-match", tag)).await.unwrap();
            assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        }
    }
    assert!(packed >= 4, "{packed}");
    let parts: Vec<&str> = assets[0].split('/').collect();
    let old = format!("/assets/{}/{}", "0".repeat(16), parts[3]);
    assert_eq!(browser.get(&old).await.unwrap().status, StatusCode::NOT_FOUND);
    let dark = browser.post("/preferences", &[("theme", "dark"), ("back", "//evil.example")]).await.unwrap();
    assert_eq!(dark.location(), "/");
    assert!(browser.get("/sign-in").await.unwrap().html.contains("data-theme=\"dark\""));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn somebody_is_added_confined_and_deactivated_with_forms_alone() {
    let app = TestApp::start(1).await.unwrap();
    let (_, mut browser) = app.signed_in("boss@example.com", Role::PartnerAdmin).await.unwrap();
    app.post("/site-groups", &json!({"name": "North", "sites": [app.fixture.cold.1]})).await.unwrap();
    let new = [("name", "Operations"), ("email", "ops@example.com"), ("role", "user"), ("reach", "sites")];
    let wrong = browser.post("/people", &[&new[..], &[("sites", "Water\nNowhere")]].concat()).await.unwrap();
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.html.contains("Nowhere is no site") && wrong.html.contains("value=\"ops@example.com\""),
        "{}",
        wrong.html
    );
    let water = app.fixture.water.1.to_string();
    let places = [("sites", "Cold\n"), ("site_groups", "North")];
    let added = browser.post("/people", &[&new[..], &places].concat()).await.unwrap();
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.html);
    let link = added.html.split("id=\"invitation-link\">").nth(1).unwrap().split('<').next().unwrap();
    assert!(link.starts_with("http://127.0.0.1/invitation/"), "{link}");
    let listed = app.get("/people?q=ops@").await.unwrap().json;
    let id = listed["items"][0]["id"].as_str().unwrap();
    assert_eq!(listed["items"][0]["sites"], json!([app.fixture.cold.1]));
    let page = browser.get(&format!("/people/{id}")).await.unwrap();
    assert!(page.html.contains(">Cold</textarea>") && page.html.contains(">North</textarea>"), "{}", page.html);
    sound(&page, "person");
    let etag = page.field("etag").unwrap().to_owned();
    let change = [("etag", etag.as_str()), ("role", "agent"), ("reach", "sites"), ("sites", &water)];
    let changed = browser.post(&format!("/people/{id}"), &change).await.unwrap();
    assert_eq!(changed.location(), format!("/people/{id}?done=changed"), "{}", changed.html);
    let stale = browser.post(&format!("/people/{id}"), &change).await.unwrap();
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "somebody was faster");
    let now = app.get(&format!("/people/{id}")).await.unwrap().json;
    assert_eq!((&now["role"], &now["sites"]), (&json!("agent"), &json!([water])), "{now}");
    let again = browser.post(&format!("/people/{id}/invitation"), &[]).await.unwrap();
    assert!(again.status == StatusCode::CREATED && again.html.contains("invitation-link"), "{}", again.html);
    let ended = browser.post(&format!("/people/{id}"), &[("what", "deactivate")]).await.unwrap();
    assert_eq!(ended.status, StatusCode::SEE_OTHER, "{}", ended.html);
    assert_eq!(app.get(&format!("/people/{id}")).await.unwrap().json["active"], false);
    let refused = browser.post(&format!("/people/{id}/invitation"), &[]).await.unwrap();
    assert_eq!(refused.status, StatusCode::CONFLICT);
    app.finish().await.unwrap();
}
