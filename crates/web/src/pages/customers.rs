//! `/customers`: of both kinds, by name; and making one.

use super::frame::Frame;
use super::refused::{Refused, on_the_page};
use super::visitor::Member;
use super::wording::{Elsewhere, elsewhere, grouped};
use super::{encoded, page, see_other, with_status};
use crate::App;
use crate::customers::create::{New, make};
use crate::customers::list::{after, cursor_of};
use crate::paging::{Filters, Limit, Page as Cut, plain};
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::customer::Customer;
use domain::rights::Act;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(deserialize_with = "plain")]
    q: Option<String>,
    cursor: String,
}

struct Row {
    id: Uuid,
    name: String,
    kind: &'static str,
    rev_customer_id: String,
    closed: bool,
    site: Option<(Uuid, String)>,
    devices: String,
}

/// What the form for a new one holds.
struct Typed {
    name: String,
    rev_customer_id: String,
    account: String,
}

#[derive(Template)]
#[template(path = "customers.html")]
struct Page {
    frame: Frame,
    q: String,
    rows: Vec<Row>,
    first: bool,
    next: Option<String>,
    may_edit: bool,
    /// The accounts at Rev.io, of which a rev customer needs one.
    accounts: Vec<String>,
    typed: Typed,
    refused: Option<Refused>,
    elsewhere: Vec<Elsewhere>,
}

/// A kind of customer as people call it.
pub(super) fn kind(kind: &str) -> &'static str {
    if kind == "REV" { "At Rev.io" } else { "Only here" }
}

fn row(customer: Customer) -> Row {
    Row {
        id: customer.id.0,
        name: customer.name,
        kind: kind(&customer.kind),
        rev_customer_id: customer.rev_customer_id.unwrap_or_default(),
        closed: customer.is_closed,
        site: customer.site.map(|(id, name)| (id.0, name)),
        devices: grouped(customer.devices),
    }
}

async fn written(app: &App, member: &Member, asked: Asked, refused: Option<Refused>) -> Result<Page, Problem> {
    let (frame, _) = Frame::of(app, member, "Customers", "/customers").await?;
    let (tenant, sites, limit) = (member.caller().0.tenant, member.allowed().sites(), Limit::default());
    let (q, after) = (asked.q.as_deref(), after(Some(&asked.cursor))?);
    let first = after.is_none();
    let list = database::customer::list(&app.ledger, tenant, None, q, sites.as_deref(), after, limit.and_one());
    let cut = Cut::cut(list.await?, limit, cursor_of, row);
    let q = asked.q.unwrap_or_default();
    let next = cut.next_cursor.map(|cursor| format!("/customers?q={}&cursor={cursor}", encoded(&q)));
    let may_edit = member.signed_in.rights.may(Act::EditCustomers);
    let accounts = if may_edit { database::customer::accounts(&app.ledger, tenant).await? } else { Vec::new() };
    let typed = |field: &str| member.fields().kept(field, "");
    Ok(Page {
        frame,
        rows: cut.items,
        first,
        next,
        may_edit,
        accounts: accounts.into_iter().map(|(_, name)| name).collect(),
        typed: Typed { name: typed("name"), rev_customer_id: typed("rev_customer_id"), account: typed("account") },
        refused,
        elsewhere: vec![
            elsewhere("This list", "ascribe customer list", format!("GET /api/v1/customers?q={}", encoded(&q))),
            elsewhere(
                "Make a customer",
                "ascribe customer create --name \"Gale Pumps\"",
                "POST /api/v1/customers {\"name\": \"Gale Pumps\"}",
            ),
            elsewhere("Import many", "ascribe customer import customers.csv", "POST /api/v1/customers/import"),
        ],
        q,
    })
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    page(&written(&app, &member, asked, None).await?)
}

pub(super) async fn create(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let fields = member.fields();
    let said = |field: &str| fields.said(field).map(str::to_owned);
    let new = New {
        name: fields.text("name").to_owned(),
        rev_customer_id: said("rev_customer_id"),
        account: said("account"),
    };
    match make(&app, &member.caller().0, new).await {
        Ok(id) => Ok(see_other(&format!("/customers/{id}?done=made"))),
        Err(problem) => {
            let refused = on_the_page(problem)?;
            let status = refused.status;
            with_status(status, &written(&app, &member, Asked::default(), Some(refused)).await?)
        }
    }
}
