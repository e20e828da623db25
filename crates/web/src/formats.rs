//! A list in another shape: each page as CSV or as NDJSON, if that is what the client accepts. The columns are read off the
//! document, so that they are the same on each page whatever its items hold.

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, OriginalUri, Request, State};
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LINK, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use domain::csv_cell::guarded;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::openapi::{Content, Object, OpenApi, RefOr, Type};

use crate::problem::Problem;

const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";
/// A page has at most 1,000 items; this is far above what they take.
const MOST_PAGE_BYTES: usize = 64 * 1024 * 1024;
/// Objects are opened to this depth; what is deeper is written as JSON.
const DEEPEST: usize = 3;

/// The columns of each list, by its path below `/api/v1`.
pub(crate) type Columns = Arc<BTreeMap<String, Vec<String>>>;

/// Reads the columns of every list off the document.
pub(crate) fn columns(document: &OpenApi) -> Columns {
    let whole = serde_json::to_value(document).unwrap_or_default();
    let lists = document.paths.paths.keys().filter_map(|path| {
        let get = &whole["paths"][path.as_str()]["get"]["responses"]["200"];
        let page = resolved(&whole, &get["content"]["application/json"]["schema"]);
        let item = &page["properties"]["items"]["items"];
        (page["properties"]["next_cursor"].is_object() && item.is_object()).then(|| {
            let mut columns = Vec::new();
            flatten(&whole, item, "", DEEPEST, &mut columns);
            (path.clone(), columns)
        })
    });
    Arc::new(lists.collect())
}

/// Says of each list that it can be had as CSV and NDJSON, too.
pub(crate) fn document(mut document: OpenApi) -> OpenApi {
    for path in columns(&document).keys() {
        let get = document.paths.paths.get_mut(path).and_then(|item| item.get.as_mut());
        let Some(RefOr::T(page)) = get.and_then(|get| get.responses.responses.get_mut("200")) else { continue };
        for format in [CSV, NDJSON] {
            let content = Content::new(Some(Object::with_type(Type::String)));
            page.content.insert(format.to_owned(), RefOr::T(content));
        }
    }
    document
}

fn resolved<'a>(whole: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|name| whole.pointer(name.strip_prefix('#').unwrap_or(name))) {
        Some(found) => resolved(whole, found),
        None => schema,
    }
}

/// The columns below a schema: a nested object's fields are named after it, with a dot.
fn flatten(whole: &Value, schema: &Value, name: &str, depth: usize, columns: &mut Vec<String>) {
    let schema = resolved(whole, schema);
    // What may be null is one of null and the thing; what is of several kinds has the columns of all of them, once.
    let several = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|of| schema[of].as_array());
    if let Some(several) = several {
        for thing in several.iter().filter(|one| one["type"] != "null") {
            flatten(whole, thing, name, depth, columns);
        }
        return;
    }
    match schema["properties"].as_object() {
        Some(fields) if depth > 0 => {
            for (field, schema) in fields {
                let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                flatten(whole, schema, &name, depth - 1, columns);
            }
        }
        _ if columns.iter().any(|column| column == name) => {}
        _ => columns.push(name.to_owned()),
    }
}

/// Which of our formats the client likes best; JSON if it does not say.
fn wanted(headers: &HeaderMap) -> Option<&'static str> {
    let ranges =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    let mut best: (f32, Option<&'static str>) = (0.0, None);
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let format = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "text/csv" | "text/*" => Some(CSV),
            "application/x-ndjson" | "application/ndjson" => Some(NDJSON),
            "application/json" | "application/*" | "*/*" => None,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |text| text.parse().ok());
        if weight.is_some_and(|weight| weight > best.0) {
            best = (weight.unwrap_or_default(), format);
        }
    }
    best.1
}

/// Gives a page the format that was asked for. Where the list goes on is in `Link` and `X-Next-Cursor`.
pub(crate) async fn serve(
    State(columns): State<Columns>,
    matched: MatchedPath,
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let path = matched.as_str();
    let list = columns.get(path.strip_prefix("/api/v1").unwrap_or(path)).filter(|_| *request.method() == Method::GET);
    let Some(list) = list else { return Ok(next.run(request).await) };
    let format = wanted(request.headers());
    let mut response = next.run(request).await;
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    let Some(format) = format.filter(|_| response.status() == StatusCode::OK) else { return Ok(response) };
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, MOST_PAGE_BYTES).await.map_err(|_| Problem::internal())?;
    let page: Value = serde_json::from_slice(&bytes).map_err(|_| Problem::internal())?;
    let items = page["items"].as_array().map_or(&[][..], Vec::as_slice);
    let text = if format == CSV { as_csv(list, items) } else { as_ndjson(items) };
    parts.headers.remove(CONTENT_LENGTH);
    let kind = if format == CSV { "text/csv; charset=utf-8" } else { NDJSON };
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(cursor) = page["next_cursor"].as_str() {
        let link = HeaderValue::from_str(&format!("<{}>; rel=\"next\"", with_cursor(&uri, cursor)));
        parts.headers.insert(LINK, link.map_err(|_| Problem::internal())?);
        parts.headers.insert("x-next-cursor", HeaderValue::from_str(cursor).map_err(|_| Problem::internal())?);
    }
    Ok(Response::from_parts(parts, Body::from(text)))
}

/// The same request for the page after this one. A cursor is hexadecimal, nothing in it needs escaping.
fn with_cursor(uri: &Uri, cursor: &str) -> String {
    let others =
        uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let query: Vec<&str> = others.collect();
    let joint = if query.is_empty() { "" } else { "&" };
    format!("{}?{}{joint}cursor={cursor}", uri.path(), query.join("&"))
}

fn as_ndjson(items: &[Value]) -> Vec<u8> {
    let mut text = Vec::new();
    for item in items {
        text.extend_from_slice(item.to_string().as_bytes());
        text.push(b'\n');
    }
    text
}

fn as_csv(columns: &[String], items: &[Value]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    drop(writer.write_record(columns));
    for item in items {
        let cells = columns.iter().map(|column| {
            let value = column.split('.').fold(item, |value, field| &value[field]);
            match value {
                Value::Null => String::new(),
                Value::String(text) => guarded(text.clone()),
                other => other.to_string(),
            }
        });
        drop(writer.write_record(cells));
    }
    writer.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{CSV, NDJSON, columns, wanted, with_cursor};
    use axum::http::{HeaderMap, HeaderValue, Uri};

    #[test]
    fn the_format_that_is_liked_best_is_taken_and_json_otherwise() {
        for (accept, format) in [
            ("text/csv", Some(CSV)),
            ("application/json, text/csv;q=0.5", None),
            ("application/json;q=0.5, text/csv;q=0.9", Some(CSV)),
            ("application/x-ndjson", Some(NDJSON)),
            ("*/*", None),
            ("image/png", None),
            ("text/csv;q=0", None),
            ("text/csv;q=nonsense", None),
        ] {
            let headers = HeaderMap::from_iter([(super::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wanted(&headers), format, "{accept}");
        }
    }

    #[test]
    fn each_list_has_columns_and_nested_fields_are_named_after_their_thing() {
        let columns = columns(&crate::openapi());
        assert!(columns.len() >= 12, "{columns:?}");
        let devices = &columns["/devices"];
        for column in ["iccid", "customer.id", "customer.name", "site.name", "service_provider.id"] {
            assert!(devices.iter().any(|c| c == column), "{column}: {devices:?}");
        }
        for (list, columns) in columns.iter() {
            assert!(columns.iter().all(|column| !column.is_empty()), "{list}: {columns:?}");
        }
        let timeline = &columns["/devices/{id}/timeline"];
        for column in ["kind", "at", "site.name"] {
            assert!(timeline.iter().any(|c| c == column), "{column}: {timeline:?}");
        }
        assert!(columns["/plans/{id}/rows"].contains(&"before.customer.name".to_owned()), "{columns:?}");
    }

    #[test]
    fn the_next_page_is_the_same_question_with_another_cursor() {
        let next = |uri: &str| with_cursor(&Uri::try_from(uri).unwrap(), "ab");
        assert_eq!(next("/api/v1/sites"), "/api/v1/sites?cursor=ab");
        assert_eq!(next("/api/v1/sites?limit=2&cursor=cd&q=a%20b"), "/api/v1/sites?limit=2&q=a%20b&cursor=ab");
    }
}
