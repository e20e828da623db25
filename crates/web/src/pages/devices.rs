//! `/devices`: the inventory, with its filters in the URL and a cursor for the next page.

use super::field_errors::{FieldErrors, about};
use super::frame::Frame;
use super::picked_devices::{Listed, MOST_LISTED, Narrowed, kept, narrowed, spooled, taken};
use super::visitor::Member;
use super::wording::{Elsewhere, elsewhere, grouped};
use super::{encoded, page, see_other, with_status};
use crate::App;
use crate::paging::{Filters, IncludeTotal, Limit, Page as Cut, id_cursor};
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::device::Device;
use domain::rights::Act;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) iccid: String,
    pub(super) customer: String,
    pub(super) service_provider: String,
    pub(super) status: String,
    /// A list that was pasted, by the id under which it waits.
    pub(super) pasted: String,
    pub(super) cursor: String,
}

struct Row {
    path: String,
    iccid: String,
    /// In groups of four, as it is read out.
    spoken: String,
    msisdn: String,
    provider: String,
    status: String,
    active: bool,
    archived: bool,
    customer: String,
    site: String,
    plan: String,
    pool: String,
}

/// What a filter may be set to.
struct Choice {
    id: String,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "devices.html")]
struct Page {
    frame: Frame,
    asked: Asked,
    providers: Vec<Choice>,
    customer_name: String,
    rows: Vec<Row>,
    count: String,
    noun: &'static str,
    filtered: bool,
    first: bool,
    next: Option<String>,
    listed: Option<Listed>,
    typed: Typed,
    may_plan: bool,
    /// The filters, for what is done with everything that they leave.
    query: String,
    elsewhere: Vec<Elsewhere>,
}

/// An ICCID in groups of four, as it is read out.
pub(super) fn spoken(iccid: &str) -> String {
    let groups: Vec<_> = iccid.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    groups.join(" ")
}

fn row(device: Device) -> Row {
    Row {
        path: format!("/devices/{}", device.id),
        spoken: spoken(&device.iccid),
        iccid: device.iccid,
        msisdn: device.msisdn.unwrap_or_default(),
        provider: device.service_provider.1,
        status: device.status,
        active: device.active,
        archived: device.archived,
        customer: device.customer.map(|(_, name)| name).unwrap_or_default(),
        site: device.site.1,
        plan: device.customer_rate_plan.unwrap_or_default(),
        pool: device.customer_rate_pool.unwrap_or_default(),
    }
}

/// A filter as it was sent: nothing, or text that can be compared.
pub(super) fn plain(text: &str) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.len() > 256 || text.chars().any(char::is_control) {
        return Err(Problem::bad_request("QUERY_INVALID", "A filter is too long or holds control characters."));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// What was typed and refused.
#[derive(Default)]
struct Typed {
    pasted: String,
    errors: FieldErrors,
}

async fn written(app: &App, member: &Member, asked: Asked, typed: Typed) -> Result<Page, Problem> {
    let (frame, _) = Frame::of(app, member, "Devices", "/devices").await?;
    let (caller, limit) = (member.caller().0, Limit::default());
    let seen = database::service_provider::list(&app.ledger, &caller, None, 1_000).await?;
    let wanted = plain(&asked.service_provider)?;
    let Narrowed { filter, listed } = narrowed(app, member, &seen, &asked).await?;
    let after = id_cursor(Some(&asked.cursor))?;
    let found = database::device::list(&app.ledger, caller.tenant, &filter, after, limit.and_one()).await?;
    let most = IncludeTotal::Estimate.most();
    let total = database::device::count(&app.ledger, caller.tenant, &filter, most).await?;
    let cut = Cut::cut(found, limit, |device| device.id.to_string(), row);
    let query = query(&asked);
    let customer_name = match filter.customer {
        Some(id) => customer_name(app, member, id).await?,
        None => String::new(),
    };
    let count = match most {
        Some(most) if total >= most => format!("{} or more", grouped(most)),
        _ => grouped(total),
    };
    Ok(Page {
        providers: seen
            .iter()
            .map(|provider| Choice {
                id: provider.id.to_string(),
                chosen: wanted.as_deref().is_some_and(|text| text == provider.id.to_string() || text == provider.name),
                name: provider.name.clone(),
            })
            .collect(),
        customer_name,
        rows: cut.items,
        noun: if total == 1 { "device" } else { "devices" },
        count,
        filtered: query.contains('='),
        first: after.is_none(),
        next: cut.next_cursor.map(|cursor| format!("/devices?{query}&cursor={cursor}")),
        listed,
        typed,
        may_plan: member.signed_in.rights.may(Act::Plan),
        elsewhere: elsewhere_of(&asked),
        query,
        asked,
        frame,
    })
}

/// A list that was pasted is nothing that a command or a request narrows by: they send it with the plan.
fn elsewhere_of(asked: &Asked) -> Vec<Elsewhere> {
    let list = elsewhere("This list", command(asked), format!("GET /api/v1/devices?{}", told_query(asked)));
    let assign = elsewhere(
        "Assign a customer to devices: a plan, nothing is changed by it",
        "ascribe plan assign --service-provider SP --customer C --devices sims.csv",
        "POST /api/v1/plans",
    );
    if asked.pasted.is_empty() { vec![list, assign] } else { vec![assign] }
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    page(&written(&app, &member, asked, Typed::default()).await?)
}

/// Keeps a list that was pasted, and goes on to the devices it names. The other filters stay.
pub(super) async fn paste(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let fields = member.fields();
    let text = |name: &str| fields.text(name).to_owned();
    let asked = Asked {
        customer: text("customer"),
        service_provider: text("service_provider"),
        status: text("status"),
        ..Asked::default()
    };
    let kept = async || -> Result<Uuid, Problem> {
        let list = spooled(&app, fields.text("pasted")).await?;
        let id = kept(&app, &member, None, list).await?;
        let (_, list) = taken(&app, &member, id).await?;
        let (named, is_whole) = app.planner.identifiers(&member.caller().0, list, MOST_LISTED).await?;
        if named.is_empty() {
            let said = "No ICCID or number can be read in this.";
            return Err(Problem::field("pasted", "INPUT_HAS_NO_ROWS", said));
        }
        if !is_whole {
            let said = format!("At most {MOST_LISTED} SIMs are taken here. Assign a customer from a file instead.");
            return Err(Problem::field("pasted", "TOO_LARGE", said));
        }
        Ok(id)
    };
    match kept().await {
        Ok(id) => {
            let asked = Asked { pasted: id.to_string(), ..asked };
            Ok(see_other(&format!("/devices?{}", query(&asked))))
        }
        Err(problem) => {
            let (status, errors) = about(problem, "pasted")?;
            // Whatever it is, it is about what was pasted.
            let said = errors.0.into_iter().next().map(|error| error.said).unwrap_or_default();
            let typed = Typed { pasted: text("pasted"), errors: FieldErrors::one("pasted", said) };
            with_status(status, &written(&app, &member, asked, typed).await?)
        }
    }
}

async fn customer_name(app: &App, member: &Member, id: Uuid) -> Result<String, Problem> {
    let sites = member.allowed().sites();
    let found =
        database::customer::list(&app.ledger, member.caller().0.tenant, Some(id), None, sites.as_deref(), None, 1);
    Ok(found.await?.into_iter().next().map(|customer| customer.name).unwrap_or_default())
}

fn said(asked: &Asked) -> [(&'static str, &'static str, &str); 4] {
    [
        ("iccid", "--iccid", asked.iccid.trim()),
        ("customer", "--customer", asked.customer.trim()),
        ("service_provider", "--service-provider", asked.service_provider.trim()),
        ("status", "--status", asked.status.trim()),
    ]
}

/// The filters as they stand in the page's URL.
fn query(asked: &Asked) -> String {
    let pasted = asked.pasted.trim();
    match (told_query(asked), pasted.is_empty()) {
        (told, true) => told,
        (told, false) if told.is_empty() => format!("pasted={}", encoded(pasted)),
        (told, false) => format!("{told}&pasted={}", encoded(pasted)),
    }
}

/// Those of them that the API has, too.
fn told_query(asked: &Asked) -> String {
    let pairs = said(asked).into_iter().filter(|(.., value)| !value.is_empty());
    pairs.map(|(name, _, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

fn command(asked: &Asked) -> String {
    let options = said(asked).into_iter().filter(|(.., value)| !value.is_empty());
    options
        .fold("ascribe device list".to_owned(), |text, (_, option, value)| format!("{text} {option} {}", quoted(value)))
}

/// As a shell takes it for one word.
pub(super) fn quoted(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_the_same_in_a_url_and_a_command_whatever_is_in_them() {
        let asked = Asked { status: "a b&c'd".into(), iccid: " 8914 ".into(), ..Asked::default() };
        assert_eq!(query(&asked), "iccid=8914&status=a+b%26c%27d");
        assert_eq!(command(&asked), r"ascribe device list --iccid 8914 --status 'a b&c'\''d'");
    }
}
