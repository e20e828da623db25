//! Reading: a page of a collection, or one object (`rev_io.md` C3).

use super::account::Account;
use super::kind::Kind;
use super::refusal::Refusal;
use super::search::Habits;
use crate::call::{Answer, Call};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) fn search(
    account: &Account,
    kind: Kind,
    call: &Call,
    hide_born_after: Option<Timestamp>,
) -> Result<Answer, Refusal> {
    let habits = Habits { most_page_size: account.most_page_size, inferred: &account.inferred, hide_born_after };
    let page = account.shelf(kind).page(&call.query, &habits)?;
    Ok(Answer::bytes(StatusCode::OK, "application/json; charset=utf-8", page))
}

/// Flat, with `ok` and `links` beside the fields; the links' shape is inferred.
pub(crate) fn get(account: &Account, kind: Kind, id: i64, call: &Call) -> Result<Answer, Refusal> {
    let mut object = account.shelf(kind).one(id).ok_or_else(|| Refusal::no_such_object(kind.name(), id))?;
    if let Value::Object(fields) = &mut object {
        let own = format!("{}/v1/{}/{id}", call.base_url, kind.name());
        fields.insert("ok".to_owned(), Value::Bool(true));
        fields.insert("links".to_owned(), json!([{ "rel": "self", "href": own }]));
    }
    Ok(Answer::json(StatusCode::OK, &object))
}
