//! `/sites`: customers' seats; and making one.

use super::frame::Frame;
use super::refused::{Refused, on_the_page};
use super::visitor::Member;
use super::wording::{Elsewhere, elsewhere};
use super::{encoded, page, see_other, with_status};
use crate::App;
use crate::paging::{Filters, Limit, Page as Cut, id_cursor, plain};
use crate::problem::Problem;
use crate::sites::create::{New, make};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::site::{Filter, Site};
use domain::rights::Act;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(deserialize_with = "plain")]
    q: Option<String>,
    customer: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "sites.html")]
struct Page {
    frame: Frame,
    q: String,
    /// The customer whose sites these are: its id and name.
    customer: Option<(Uuid, String)>,
    rows: Vec<Site>,
    filtered: bool,
    first: bool,
    next: Option<String>,
    may_edit: bool,
    /// What the form for a new one holds.
    name: String,
    of_customer: String,
    refused: Option<Refused>,
    elsewhere: Vec<Elsewhere>,
}

async fn written(app: &App, member: &Member, asked: Asked, refused: Option<Refused>) -> Result<Page, Problem> {
    let (frame, _) = Frame::of(app, member, "Sites", "/customers").await?;
    let (tenant, sites, limit) = (member.caller().0.tenant, member.allowed().sites(), Limit::default());
    let customer = Some(asked.customer.trim()).filter(|text| !text.is_empty());
    // Text that is no id is nobody's.
    let customer = customer.map(|text| Uuid::parse_str(text).unwrap_or(Uuid::nil()));
    let after = id_cursor(Some(&asked.cursor))?;
    let first = after.is_none();
    let filter = Filter { id: None, q: asked.q.clone(), customer, sites: sites.clone() };
    let found = database::site::list(&app.ledger, tenant, &filter, after, limit.and_one()).await?;
    let cut = Cut::cut(found, limit, |site| site.id.to_string(), |site| site);
    let q = asked.q.unwrap_or_default();
    let of = customer.map(|id| id.to_string()).unwrap_or_default();
    let query = format!("q={}&customer={of}", encoded(&q));
    let name_of = match customer {
        Some(id) => {
            let found =
                database::customer::list(&app.ledger, tenant, Some(id), None, sites.as_deref(), None, 1).await?;
            found.into_iter().next().map(|customer| (id, customer.name))
        }
        None => None,
    };
    Ok(Page {
        frame,
        filtered: !q.is_empty() || customer.is_some(),
        rows: cut.items,
        first,
        next: cut.next_cursor.map(|cursor| format!("/sites?{query}&cursor={cursor}")),
        may_edit: member.signed_in.rights.may(Act::EditCustomers),
        name: member.fields().kept("name", ""),
        of_customer: member.fields().kept("customer", &of),
        customer: name_of,
        refused,
        elsewhere: vec![
            elsewhere("All sites", "ascribe site list", "GET /api/v1/sites"),
            elsewhere(
                "Make a site",
                format!("ascribe site create --name \"North\" --customer {}", if of.is_empty() { "ID" } else { &of }),
                "POST /api/v1/sites {\"name\": \"North\", \"customer\": \"ID\"}",
            ),
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

/// The rev customer that a form names: by its id here, or at Rev.io.
async fn customer(app: &App, member: &Member) -> Result<Option<Uuid>, Problem> {
    let Some(text) = member.fields().said("customer") else { return Ok(None) };
    if let Ok(id) = Uuid::parse_str(text) {
        return Ok(Some(id));
    }
    let known = database::customer::rev_by_name(&app.ledger, member.caller().0.tenant).await?;
    known.get(&text.to_lowercase()).copied().map(Some).ok_or_else(|| {
        let said = "No customer at Rev.io has that id, or several have. Take the id that its page here shows.";
        Problem::field("customer", "CUSTOMER_NOT_FOUND", said)
    })
}

pub(super) async fn create(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let name = member.fields().text("name").to_owned();
    let made = async {
        let new = New { name, customer: customer(&app, &member).await?, active: None };
        make(&app, &member.caller().0, new).await
    };
    match made.await {
        Ok(id) => Ok(see_other(&format!("/sites/{id}?done=made"))),
        Err(problem) => {
            let refused = on_the_page(problem)?;
            let status = refused.status;
            with_status(status, &written(&app, &member, Asked::default(), Some(refused)).await?)
        }
    }
}
