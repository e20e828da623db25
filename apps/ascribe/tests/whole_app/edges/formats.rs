//! Lists in other shapes: CSV, NDJSON, packed, and with a total.

use crate::devices;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, LINK, VARY};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testing::{TestApp, iccid};

async fn ask(app: &TestApp, path: &str, accept: &'static str) -> Response {
    let path = if path.starts_with("/api") { path.to_owned() } else { format!("/api/v1{path}") };
    app.request(Method::GET, &path).header(ACCEPT, accept).send().await.unwrap()
}

#[tokio::test]
async fn a_list_is_csv_or_ndjson_if_that_is_what_is_accepted_page_by_page() {
    let app = TestApp::start(3).await.unwrap();
    // Text of ours that a spreadsheet would run.
    app.database.plant("update app.m2m_device set msisdn = '=1+1' where iccid like '%0002'").await.unwrap();
    let whole = app.get("/devices").await.unwrap().json;
    let items = whole["items"].as_array().unwrap();
    let mut next = Some("/devices?limit=2".to_owned());
    let (mut rows, mut lines) = (Vec::new(), 0);
    while let Some(path) = next.take() {
        let answer = ask(&app, &path, "text/csv").await;
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/csv; charset=utf-8");
        assert!(answer.headers().get_all(VARY).iter().any(|v| v == "accept"), "{:?}", answer.headers());
        let link = answer.headers().get(LINK).map(|value| value.to_str().unwrap().to_owned());
        let cursor = answer.headers().get("x-next-cursor").map(|value| value.to_str().unwrap().to_owned());
        let text = answer.text().await.unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headings = reader.headers().unwrap().clone();
        for column in ["iccid", "customer.name", "site.id", "service_provider.name"] {
            assert!(headings.iter().any(|heading| heading == column), "{column} in {headings:?}");
        }
        for record in reader.records() {
            let record = record.unwrap();
            rows.push(headings.iter().zip(&record).map(|(h, c)| (h.to_owned(), c.to_owned())).collect::<Vec<_>>());
        }
        let ndjson = ask(&app, &path, "application/x-ndjson").await;
        assert_eq!(ndjson.headers()[CONTENT_TYPE], "application/x-ndjson");
        for line in ndjson.text().await.unwrap().lines() {
            assert_eq!(serde_json::from_str::<Value>(line).unwrap(), items[lines]);
            lines += 1;
        }
        assert_eq!(link.is_some(), cursor.is_some());
        if let Some((link, cursor)) = link.zip(cursor) {
            let path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
            assert_eq!(path, format!("/api/v1/devices?limit=2&cursor={cursor}"));
            next = Some(path.to_owned());
        }
    }
    assert!(items.len() > 4, "more than two pages");
    assert_eq!((rows.len(), lines), (items.len(), items.len()));
    for (row, item) in rows.iter().zip(items) {
        let cell = |name: &str| row.iter().find(|(heading, _)| heading == name).unwrap().1.clone();
        assert_eq!((cell("iccid"), cell("site.name")), (text(&item["iccid"]), text(&item["site"]["name"])));
        let number = item["msisdn"].as_str().unwrap_or_default();
        assert_eq!(cell("msisdn"), if number == "=1+1" { "'=1+1" } else { number });
    }
    // A refusal stays a problem, and one thing stays JSON.
    let refused = ask(&app, "/devices?nonsense=1", "text/csv").await;
    assert_eq!(refused.headers()[CONTENT_TYPE], "application/problem+json");
    let one = ask(&app, &format!("/devices/{}", text(&items[0]["id"])), "text/csv, application/json").await;
    assert_eq!(one.headers()[CONTENT_TYPE], "application/json");
    app.finish().await.unwrap();
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn answers_are_packed_for_those_who_unpack_them() {
    let app = TestApp::start(50).await.unwrap();
    for (encoding, begins) in [("gzip", Some([0x1f, 0x8b])), ("br", None), ("identity", None)] {
        let request = app.request(Method::GET, "/api/v1/devices").header(ACCEPT_ENCODING, encoding);
        let answer = request.send().await.unwrap();
        let named = answer.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(named.as_deref(), (encoding != "identity").then_some(encoding));
        let bytes = answer.bytes().await.unwrap();
        let plain = serde_json::from_slice::<Value>(&bytes);
        assert_eq!(plain.is_ok(), encoding == "identity");
        assert!(begins.is_none_or(|begins| bytes.starts_with(&begins)));
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_total_is_counted_for_who_asks_for_it() {
    let app = TestApp::start(5).await.unwrap();
    let mut given = devices(5);
    given.push(iccid(777));
    let plan = app.plan("Water", &json!({}), &given).await.unwrap().json;
    let all = app.get("/devices?limit=1000").await.unwrap().json["items"].as_array().unwrap().len();
    let rows = format!("/plans/{}/rows?limit=1", text(&plan["id"]));
    for (path, total) in [
        ("/devices?limit=2".to_owned(), all),
        ("/devices?limit=2&status=NO+SUCH".to_owned(), 0),
        (format!("/devices?limit=2&iccid={}", iccid(1)), 1),
        ("/devices?limit=2&service_provider=nobody".to_owned(), 0),
        (rows.clone(), 6),
        (format!("{rows}&verdict=CHANGE"), 5),
        (format!("{rows}&reason=DEVICE_NOT_FOUND"), 1),
        (format!("/bulk-changes/{}/rows?limit=1&status=PENDING", text(&plan["id"])), 5),
    ] {
        for asked in ["exact", "estimate"] {
            let page = app.get(&format!("{path}&include_total={asked}")).await.unwrap().json;
            assert_eq!((&page["total"], &page["total_is"]), (&json!(total), &json!("exact")), "{path}");
        }
        let page = app.get(&path).await.unwrap().json;
        assert!(page.get("total").is_none(), "nobody asked: {page}");
    }
    let customer = app.get("/customers?q=Water").await.unwrap().json["items"][0]["id"].clone();
    let theirs = format!("/devices?customer={}&include_total=exact", text(&customer));
    let before = app.get(&theirs).await.unwrap().json["total"].as_i64().unwrap();
    app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    app.work().await.unwrap();
    assert_eq!(app.get(&theirs).await.unwrap().json["total"], before + 5);
    let theirs = "/devices?include_total=exact&limit=1000";
    let others = app.send_as(&app.fixture.other_key, Method::GET, theirs, None).await.unwrap().json;
    assert_eq!(others["total"], others["items"].as_array().unwrap().len(), "another tenant counts its own");
    assert_ne!(others["total"], all);
    assert_eq!(app.get("/devices?include_total=roughly").await.unwrap().json["code"], "QUERY_INVALID");
    app.finish().await.unwrap();
}
