//! The client commands: the API over HTTP, shown as a table, JSON, NDJSON or CSV.

pub(crate) mod agent;
pub(crate) mod audit;
pub(crate) mod carrier_account;
pub(crate) mod change;
pub(crate) mod device;
mod event_stream;
pub(crate) mod key;
pub(crate) mod output;
pub(crate) mod person;
pub(crate) mod plan;
pub(crate) mod reference;
pub(crate) mod rev_account;
pub(crate) mod site_group;
mod upload;
pub(crate) mod watching;
pub(crate) mod webhook;

use crate::settings::Settings;
use anyhow::Context as _;
use output::{Column, Output, Printer};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::process::ExitCode;

/// 0 all ok · 1 error · 2 usage · 3 finished with failed rows · 4 refused · 5 needs attention left · 6 conflict
pub(crate) const FAILED_ROWS: u8 = 3;
pub(crate) const REFUSED: u8 = 4;
pub(crate) const NEEDS_ATTENTION: u8 = 5;
pub(crate) const CONFLICT: u8 = 6;

/// An answer that is a problem.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {detail}")]
pub(crate) struct Refused {
    status: StatusCode,
    code: String,
    detail: String,
}

/// The exit code that an error means.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<Refused>() {
        Some(refused) if matches!(refused.status, StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED) => {
            ExitCode::from(CONFLICT)
        }
        Some(refused) if refused.status.is_client_error() => ExitCode::from(REFUSED),
        _ => ExitCode::FAILURE,
    }
}

/// The API, as one key sees it.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Api {
    /// The API of the settings.
    pub(crate) fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        let key = settings.api_key()?.context(
            "set ASCRIBE_API_KEY to an API key, or ASCRIBE_API_KEY_FILE to a file with one; `ascribe init` makes one",
        )?;
        Self::new(&settings.url, &key)
    }

    /// The API at this address.
    pub(crate) fn new(url: &str, key: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.key)
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        answer(self.request(Method::GET, path).query(query).send().await).await
    }

    /// Edits a thing as it is seen now; somebody who was faster makes this a conflict.
    pub(crate) async fn edit(&self, path: &str, edit: &Value) -> anyhow::Result<Value> {
        let seen = self.request(Method::GET, path).send().await;
        let tag = seen.as_ref().ok().and_then(|seen| seen.headers().get("etag").cloned());
        answer(seen).await?;
        let mut editing = self.request(Method::PATCH, path).json(edit);
        if let Some(tag) = tag {
            editing = editing.header("If-Match", tag);
        }
        answer(editing.send().await).await
    }

    /// Every item of a list, page by page, handed on as it comes.
    pub(crate) async fn each(
        &self,
        path: &str,
        query: &[(&str, &str)],
        most: Option<usize>,
        mut item: impl FnMut(Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (mut cursor, mut left) = (String::new(), most.unwrap_or(usize::MAX));
        while left > 0 {
            let limit = left.min(1_000).to_string();
            let mut query = query.to_vec();
            query.push(("limit", &limit));
            if !cursor.is_empty() {
                query.push(("cursor", &cursor));
            }
            let mut page = self.get(path, &query).await?;
            if let Value::Array(items) = page["items"].take() {
                left = left.saturating_sub(items.len());
                items.into_iter().try_for_each(&mut item)?;
            }
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        Ok(())
    }
}

/// Prints a list, narrowed by what was given.
pub(crate) async fn list(
    api: &Api,
    path: &str,
    given: &[(&str, Option<String>)],
    limit: Option<usize>,
    output: Output,
    columns: &'static [Column],
) -> anyhow::Result<ExitCode> {
    let query: Vec<(&str, &str)> =
        given.iter().filter_map(|(name, value)| value.as_deref().map(|value| (*name, value))).collect();
    let mut printer = Printer::new(output, columns)?;
    api.each(path, &query, limit, |item| printer.item(item)).await?;
    printer.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// An answer that is a file, or what it refuses.
pub(crate) async fn streamed(sent: Result<Response, reqwest::Error>) -> anyhow::Result<Response> {
    match sent {
        Ok(response) if response.status().is_success() => Ok(response),
        other => Err(answer(other).await.err().unwrap_or_else(|| anyhow::anyhow!("the answer is no file"))),
    }
}

/// The JSON of an answer, or what it refuses.
pub(crate) async fn answer(sent: Result<Response, reqwest::Error>) -> anyhow::Result<Value> {
    let response = sent
        .map_err(reqwest::Error::without_url)
        .context("the API does not answer; is `ascribe serve` running at ASCRIBE_URL?")?;
    let status = response.status();
    let text = response.text().await.context("the answer broke off")?;
    let json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(json);
    }
    let said = |field: &str, or: &str| json[field].as_str().unwrap_or(or).to_owned();
    Err(Refused { status, code: said("code", status.as_str()), detail: said("detail", "the server gave no reason") }
        .into())
}
