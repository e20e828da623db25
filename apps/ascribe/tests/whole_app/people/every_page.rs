//! What holds for every page, and one thing of each kind to look at.

use crate::devices;
use domain::rights::Role;
use serde_json::{Value, json};
use testing::{Seen, TestApp, iccid};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The ids of one thing of each kind.
pub(super) struct Things {
    change: String,
    pub(super) plan: String,
    person: String,
    /// Those of the API's lists, by path.
    listed: Vec<(&'static str, String)>,
}

impl Things {
    pub(super) async fn of(app: &TestApp) -> Self {
        let (change, plan) = furnished(app).await;
        let person = app.person_of(app.fixture.tenant, "someone@example.com", Role::User).await.unwrap().to_string();
        let mut listed = Vec::new();
        for list in [
            "/devices",
            "/customers",
            "/sites",
            "/customer-rate-plans",
            "/customer-rate-pools",
            "/service-providers",
            "/integration-authentications",
            "/api-keys",
        ] {
            let query = if list == "/devices" { format!("{list}?iccid={}", iccid(0)) } else { list.to_owned() };
            let found = app.get(&query).await.unwrap().json;
            listed.push((
                list,
                found["items"][0]["id"].as_str().unwrap_or_else(|| unreachable!("{list}: {found}")).to_owned(),
            ));
        }
        Self { change, plan, person, listed }
    }

    /// A path of this route with the id of such a thing in it.
    pub(super) fn path(&self, route: &str) -> String {
        let id = match route {
            route if route.starts_with("/plans") => &self.plan,
            route if route.starts_with("/people") => &self.person,
            route => self
                .listed
                .iter()
                .find(|(list, _)| route.starts_with(&format!("{list}/")))
                .map_or(&self.change, |(_, id)| id),
        };
        route.replace("{id}", id).replace("{row}", "1").replace("{token}", &"0".repeat(64))
    }
}

/// What holds for every page, whatever it is about.
pub(super) fn sound(seen: &Seen, about: &str) {
    let header =
        |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    assert_eq!(header("content-security-policy"), POLICY, "{about}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{about}");
    assert_eq!(header("x-frame-options"), "DENY", "{about}");
    assert!(!header("referrer-policy").is_empty() && !header("cross-origin-opener-policy").is_empty(), "{about}");
    if seen.status.is_redirection() {
        return;
    }
    assert_eq!(header("cache-control"), "no-store", "{about}");
    let html = &seen.html;
    for inline in ["<style", " style=", " onclick", " onload", "javascript:", "<script>"] {
        assert!(!html.contains(inline), "{about}: {inline}");
    }
    for once in ["<h1", "<main", "<title>", "lang=\"en\"", "class=\"skip\""] {
        assert_eq!(html.matches(once).count(), 1, "{about}: {once}: {html}");
    }
    // Every id once, and every label leads to a field.
    let ids: Vec<&str> = html.split(" id=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), distinct.len(), "{about}: {ids:?}");
    for attribute in [" for=\"", " aria-labelledby=\"", " aria-describedby=\""] {
        for part in html.split(attribute).skip(1) {
            for id in part.split('"').next().unwrap().split(' ') {
                assert!(distinct.contains(id), "{about}: {attribute}{id}");
            }
        }
    }
}

/// A finished change with rows of every kind, and a plan.
async fn furnished(app: &TestApp) -> (String, String) {
    let file = format!("iccid\n{}\n{}\nbad\n{}\n", iccid(0), iccid(1), iccid(900_002));
    let made = app.plan_file("Water", &json!({"reference": "T-1"}), file).await.unwrap().json;
    app.post("/bulk-changes", &json!({"plan_id": made["id"]})).await.unwrap();
    app.work().await.unwrap();
    let plan = app.plan("Cold", &json!({"reference": "T-2"}), &devices(5)[2..]).await.unwrap().json;
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    (id(&made), id(&plan))
}
