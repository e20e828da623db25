//! The API beside plans and changes: what plans are made against, keys, the audit trail, and the conventions of it all.

mod audit;
mod callbacks;
mod carrier_accounts;
mod conventions;
mod edits;
mod formats;
mod imports;
mod keys;
mod operations;
mod rev_io_accounts;
mod site_groups;

use domain::api_key::ApiKey;
use reqwest::Method;
use serde_json::Value;
use testing::{Answer, TestApp};

/// Sends JSON with an If-Match.
pub(crate) async fn patch(app: &TestApp, path: &str, etag: Option<&str>, body: &Value) -> Answer {
    let request = app.request(Method::PATCH, &format!("/api/v1{path}")).json(body);
    app.send(if let Some(etag) = etag { request.header("If-Match", etag) } else { request }).await.unwrap()
}

pub(crate) fn etag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

/// Sends a file to an import.
async fn import(app: &TestApp, path: &str, file: &str) -> Answer {
    import_as(app, &app.fixture.key, path, file).await
}

/// PUTs JSON with an If-Match.
pub(crate) async fn put(app: &TestApp, path: &str, etag: Option<&str>, body: &Value) -> Answer {
    let request = app.request(Method::PUT, &format!("/api/v1{path}")).json(body);
    app.send(if let Some(etag) = etag { request.header("If-Match", etag) } else { request }).await.unwrap()
}

async fn import_as(app: &TestApp, key: &ApiKey, path: &str, file: &str) -> Answer {
    let request = app.anonymous(Method::POST, &format!("/api/v1{path}")).bearer_auth(key.reveal());
    app.send(request.header("Content-Type", "text/csv").body(file.to_owned())).await.unwrap()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
