//! `/customer-rate-plans` and `/customer-rate-pools`: what the reseller charges, and allowances that SIMs share. Both are lists of
//! things with a name, the one carrier account they fit, and whether SIMs may get them.

use super::frame::Frame;
use super::refused::{Refused, on_the_page};
use super::visitor::Member;
use super::wording::{Elsewhere, elsewhere};
use super::{encoded, page, see_other, with_status};
use crate::App;
use crate::paging::{Filters, Limit, Page as Cut, id_cursor, plain};
use crate::problem::Problem;
use crate::{customer_rate_plans, customer_rate_pools};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::customer_rate_plan::CustomerRatePlan;
use database::customer_rate_pool::CustomerRatePool;
use domain::ids::ServiceProviderId;
use domain::rights::Act;
use serde::Deserialize;
use uuid::Uuid;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plan,
    Pool,
}

impl Kind {
    /// Its path, here and in the API.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Plan => "/customer-rate-plans",
            Self::Pool => "/customer-rate-pools",
        }
    }

    pub(super) const fn command(self) -> &'static str {
        match self {
            Self::Plan => "rate-plan",
            Self::Pool => "pool",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Plan => "Customer rate plans",
            Self::Pool => "Customer rate pools",
        }
    }

    /// The API's name for the field with its name.
    pub(super) const fn name_field(self) -> &'static str {
        match self {
            Self::Plan => "rate_plan_name",
            Self::Pool => "name",
        }
    }

    pub(super) const fn is_plan(self) -> bool {
        matches!(self, Self::Plan)
    }
}

/// A plan or a pool.
pub(super) struct Offer {
    pub(super) id: Uuid,
    /// Of a plan alone.
    pub(super) code: String,
    pub(super) name: String,
    pub(super) provider: Option<String>,
    pub(super) active: bool,
    pub(super) etag: String,
}

type Provider = Option<(ServiceProviderId, String)>;

fn named(provider: Provider) -> Option<String> {
    provider.map(|(_, name)| name)
}

impl From<CustomerRatePlan> for Offer {
    fn from(plan: CustomerRatePlan) -> Self {
        let provider = named(plan.service_provider);
        Self { id: plan.id.0, code: plan.code, name: plan.name, provider, active: plan.active, etag: plan.etag }
    }
}

impl From<CustomerRatePool> for Offer {
    fn from(pool: CustomerRatePool) -> Self {
        let provider = named(pool.service_provider);
        Self { id: pool.id.0, code: String::new(), name: pool.name, provider, active: pool.active, etag: pool.etag }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(deserialize_with = "plain")]
    q: Option<String>,
    cursor: String,
}

/// What the form for a new one holds.
struct Typed {
    code: String,
    name: String,
    provider: String,
}

#[derive(Template)]
#[template(path = "offers.html")]
struct Page {
    frame: Frame,
    kind: Kind,
    q: String,
    rows: Vec<Offer>,
    first: bool,
    next: Option<String>,
    may_edit: bool,
    /// The carrier accounts that it may fit.
    providers: Vec<String>,
    typed: Typed,
    refused: Option<Refused>,
    elsewhere: Vec<Elsewhere>,
}

async fn rows(app: &App, member: &Member, kind: Kind, asked: &Asked) -> Result<Cut<Offer>, Problem> {
    let (tenant, q, limit) = (member.caller().0.tenant, asked.q.as_deref(), Limit::default());
    let after = id_cursor(Some(&asked.cursor))?;
    let found: Vec<Offer> = match kind {
        Kind::Plan => database::customer_rate_plan::list(&app.ledger, tenant, None, q, after, limit.and_one())
            .await?
            .into_iter()
            .map(Offer::from)
            .collect(),
        Kind::Pool => database::customer_rate_pool::list(&app.ledger, tenant, None, q, after, limit.and_one())
            .await?
            .into_iter()
            .map(Offer::from)
            .collect(),
    };
    Ok(Cut::cut(found, limit, |offer| offer.id.to_string(), |offer| offer))
}

async fn written(
    app: &App,
    member: &Member,
    kind: Kind,
    asked: Asked,
    refused: Option<Refused>,
) -> Result<Page, Problem> {
    let (frame, _) = Frame::of(app, member, kind.title(), "/customer-rate-plans").await?;
    let cut = rows(app, member, kind, &asked).await?;
    let (q, path, command) = (asked.q.unwrap_or_default(), kind.path(), kind.command());
    let may_edit = member.signed_in.rights.may(Act::EditOffers);
    let providers = database::service_provider::list(&app.ledger, &member.caller().0, None, 1_000).await?;
    let typed = |field: &str| member.fields().kept(field, "");
    let field = if kind.is_plan() { "rate_plan_code" } else { "name" };
    Ok(Page {
        frame,
        kind,
        rows: cut.items,
        first: asked.cursor.is_empty(),
        next: cut.next_cursor.map(|cursor| format!("{path}?q={}&cursor={cursor}", encoded(&q))),
        may_edit,
        providers: providers.into_iter().map(|provider| provider.name).collect(),
        typed: Typed {
            code: typed("rate_plan_code"),
            name: typed(kind.name_field()),
            provider: typed("service_provider"),
        },
        refused,
        elsewhere: vec![
            elsewhere("This list", format!("ascribe {command} list"), format!("GET /api/v1{path}")),
            elsewhere(
                "Make one",
                format!("ascribe {command} create --{} GOLD", if kind.is_plan() { "code" } else { "name" }),
                format!("POST /api/v1{path} {{\"{field}\": \"GOLD\"}}"),
            ),
            elsewhere(
                "Import many",
                format!("ascribe {command} import file.csv"),
                format!("POST /api/v1{path}/import"),
            ),
        ],
        q,
    })
}

async fn create(app: &App, member: &Member, kind: Kind) -> Result<Response, Problem> {
    let (fields, caller) = (member.fields(), member.caller().0);
    let service_provider = fields.said("service_provider").map(str::to_owned);
    let made = match kind {
        Kind::Plan => {
            let new = customer_rate_plans::create::New {
                rate_plan_code: fields.text("rate_plan_code").to_owned(),
                rate_plan_name: fields.said("rate_plan_name").map(str::to_owned),
                service_provider,
                active: None,
            };
            customer_rate_plans::create::make(app, &caller, new).await.map(|id| id.0)
        }
        Kind::Pool => {
            let name = fields.text("name").to_owned();
            let new = customer_rate_pools::create::New { name, service_provider, active: None };
            customer_rate_pools::create::make(app, &caller, new).await.map(|id| id.0)
        }
    };
    match made {
        Ok(id) => Ok(see_other(&format!("{}/{id}?done=made", kind.path()))),
        Err(problem) => {
            let refused = on_the_page(problem)?;
            let status = refused.status;
            with_status(status, &written(app, member, kind, Asked::default(), Some(refused)).await?)
        }
    }
}

pub(super) async fn plans(
    State(app): State<App>,
    member: Member,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    page(&written(&app, &member, Kind::Plan, asked, None).await?)
}

pub(super) async fn pools(
    State(app): State<App>,
    member: Member,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    page(&written(&app, &member, Kind::Pool, asked, None).await?)
}

pub(super) async fn create_plan(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    create(&app, &member, Kind::Plan).await
}

pub(super) async fn create_pool(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    create(&app, &member, Kind::Pool).await
}
