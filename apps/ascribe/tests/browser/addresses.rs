//! Where each page of the app's own table is in the world that was made: a page that has no address here fails the test.

use crate::canaries::Seeded;
use serde_json::{Map, Value, json};
use testing::TestApp;

/// For every page that is looked at: its addresses, and what each answers with.
pub(crate) async fn of_every_page(app: &TestApp, seeded: &Seeded) -> Value {
    let mut addresses = Map::new();
    for (method, path, _) in web::pages() {
        if method == reqwest::Method::GET {
            addresses.insert(path.to_owned(), json!(of_page(app, seeded, path).await));
        }
    }
    Value::Object(addresses)
}

async fn of_page(app: &TestApp, seeded: &Seeded, path: &str) -> Vec<(String, u16)> {
    let filled = |id: &str| path.replace("{id}", id).replace("{row}", "1");
    match path {
        // Only while there is nobody.
        "/set-up" => vec![(path.to_owned(), 404)],
        "/invitation/{token}" => vec![(seeded.invitation.clone(), 200), (path.replace("{token}", "0"), 404)],
        path if !path.contains('{') => vec![(path.to_owned(), 200)],
        path if path.starts_with("/bulk-changes/{id}") => {
            [&seeded.change, &seeded.attention].map(|id| (filled(id), 200)).to_vec()
        }
        path if path.starts_with("/plans/{id}") => vec![(filled(&seeded.plan), 200)],
        path if path.starts_with("/devices/{id}") => vec![(filled(&seeded.device), 200)],
        path if path.starts_with("/assign/{id}") => vec![(filled(&seeded.input), 200)],
        path if path.starts_with("/people/{id}") => vec![(filled(&seeded.person), 200)],
        path => first_of_list(app, path).await.map(|id| (filled(&id), 200)).into_iter().collect(),
    }
}

/// A page of a thing is called as the API calls its list: the first one there will do.
async fn first_of_list(app: &TestApp, path: &str) -> Option<String> {
    let list = path.split('/').nth(1)?;
    let found = app.get(&format!("/{list}?limit=1")).await.unwrap().json;
    Some(found["items"][0]["id"].as_str()?.to_owned())
}

/// Pages in a state that their address alone says: filtered, without anything, refused.
pub(crate) fn further_states(seeded: &Seeded) -> Value {
    let change = &seeded.change;
    json!([
        ["/devices?status=nothing-like-that", 200],
        ["/devices?iccid=8914800000000000000", 200],
        ["/devices?cursor=zz", 400],
        ["/devices/00000000-0000-7000-8000-000000000000", 404],
        ["/bulk-changes?stage=plans", 200],
        [format!("/bulk-changes/{change}?status=REFUSED"), 200],
        [format!("/bulk-changes/{change}?status=FAILED"), 200],
        [format!("/bulk-changes/{change}/rows/2"), 200],
        [format!("/bulk-changes/{change}/rows/4000"), 404],
        ["/people?q=nobody-like-that", 200],
        ["/customers?q=nobody-like-that", 200],
        ["/sites?q=nowhere-like-that", 200],
        [format!("/plans/{}?verdict=REFUSED", seeded.plan), 200],
        [format!("/plans/{}?verdict=NO_CHANGE", seeded.plan), 200],
        ["/audit?actor=nobody", 200],
        ["/assign/00000000-0000-7000-8000-000000000000", 404],
        ["/nowhere", 404],
    ])
}
