//! Writing (`rev_io.md` C5): what all calls have in common. There is no idempotency key: who sends twice has two.

pub(super) mod charges;
pub(super) mod customers;
pub(super) mod inventory;
pub(super) mod service_products;
pub(super) mod services;

use super::account::Account;
use super::inferred::{Inferred, UnknownName};
use super::kind::Kind;
use super::object::Object;
use super::refusal::Refusal;
use super::table::Table;
use crate::call::{Answer, Call, ObjectRef};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// What a write has done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    kind: Kind,
    id: i64,
    created: bool,
}

impl Done {
    pub(super) const fn created(kind: Kind, id: i64) -> Self {
        Self { kind, id, created: true }
    }

    pub(super) const fn changed(kind: Kind, id: i64) -> Self {
        Self { kind, id, created: false }
    }

    /// 201 with Location for what is new (C4); for a change 200 in the same shape (inferred).
    pub(crate) fn into_answer(self, call: &Call) -> Answer {
        let status = if self.created { StatusCode::CREATED } else { StatusCode::OK };
        let mut answer = Answer::json(status, &json!({ "ok": true, "id": self.id }));
        if self.created {
            let location = format!("{}/v1/{}/{}", call.base_url, self.kind.name(), self.id);
            answer = answer.with_header(header::LOCATION, location);
        }
        answer.object = Some(ObjectRef { kind: self.kind.name().to_owned(), id: self.id });
        answer.applied = true;
        answer
    }
}

/// A body's fields. What the call does not know is dropped or refused.
fn fields(call: &Call, known: impl Fn(&str) -> bool, inferred: &Inferred) -> Result<Map<String, Value>, Refusal> {
    let body: Value = serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::invalid(format!("The body is not JSON: {error}")))?;
    let Value::Object(mut fields) = body else { return Err(Refusal::invalid("The body must be an object.")) };
    let unknown = fields.keys().find(|name| !known(name));
    if let (Some(name), UnknownName::Refuse) = (unknown, inferred.unknown_body_fields) {
        return Err(Refusal::invalid(format!("{name} is not known.")));
    }
    fields.retain(|name, _| known(name));
    Ok(fields)
}

/// A body of a call that has a struct of its own, whose fields are `known`.
fn body<T: DeserializeOwned>(call: &Call, known: &[&str], inferred: &Inferred) -> Result<T, Refusal> {
    let fields = fields(call, |name| known.contains(&name), inferred)?;
    serde_json::from_value(Value::Object(fields)).map_err(|error| Refusal::invalid(error.to_string()))
}

fn required<T>(value: Option<T>, field: &str) -> Result<T, Refusal> {
    value.ok_or_else(|| Refusal::missing(field))
}

fn at_most(text: Option<&String>, most: usize, field: &str) -> Result<(), Refusal> {
    match text {
        Some(text) if text.chars().count() > most => {
            Err(Refusal::invalid(format!("{field} must be at most {most} characters long.")))
        }
        _ => Ok(()),
    }
}

/// What a body names must be there.
fn exists<T: Object>(table: &Table<T>, id: Option<i64>, field: &str) -> Result<(), Refusal> {
    match id {
        Some(id) if table.get(id).is_none() => Err(Refusal::dangling(field, id)),
        _ => Ok(()),
    }
}

/// A customer that can be billed.
fn billable(account: &Account, customer_id: i64) -> Result<(), Refusal> {
    let customer = account.customers.get(customer_id).ok_or_else(|| Refusal::dangling("customer_id", customer_id))?;
    if customer.is_closed() && !account.inferred.closed_customers_can_be_billed {
        return Err(Refusal::rule(format!("Customer {customer_id} is closed.")));
    }
    Ok(())
}

/// 0 is how some clients write that there is none.
fn nonzero(id: Option<i64>) -> Option<i64> {
    id.filter(|id| *id != 0)
}
