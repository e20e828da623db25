//! `/devices`: the inventory, with its filters in the URL and a cursor for the next page.

use super::frame::Frame;
use super::visitor::Member;
use super::wording::{Elsewhere, counted, elsewhere, grouped};
use super::{encoded, page};
use crate::App;
use crate::paging::{Filters, IncludeTotal, Limit, Page as Cut, id_cursor};
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::device::{Device, Filter};
use domain::iccid::Iccid;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    iccid: String,
    customer: String,
    service_provider: String,
    status: String,
    cursor: String,
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
    filtered: bool,
    first: bool,
    next: Option<String>,
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
fn plain(text: &str) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.len() > 256 || text.chars().any(char::is_control) {
        return Err(Problem::bad_request("QUERY_INVALID", "A filter is too long or holds control characters."));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    let (frame, _) = Frame::of(&app, &member, "Devices", "/devices").await?;
    let (caller, allowed, limit) = (member.caller().0, member.allowed(), Limit::default());
    let seen = database::service_provider::list(&app.ledger, &caller, None, 1_000).await?;
    let wanted = plain(&asked.service_provider)?;
    let provider = wanted.as_deref().map(|text| database::service_provider::find(&seen, text));
    let customer = plain(&asked.customer)?.map(|text| Uuid::parse_str(&text).unwrap_or(Uuid::nil()));
    let iccid = plain(&asked.iccid)?;
    let filter = Filter {
        id: None,
        iccid: iccid.map(|text| Iccid::read(&text).map_or(text, |iccid| iccid.as_str().to_owned())),
        customer,
        // One that is not there has no devices.
        service_provider: provider.map(|found| found.map_or(Uuid::nil(), |provider| provider.id.0)),
        status: plain(&asked.status)?,
        service_providers: crate::devices::list::seen(&app, &caller).await?,
        sites: allowed.sites(),
    };
    let after = id_cursor(Some(&asked.cursor))?;
    let found = database::device::list(&app.ledger, caller.tenant, &filter, after, limit.and_one()).await?;
    let most = IncludeTotal::Estimate.most();
    let total = database::device::count(&app.ledger, caller.tenant, &filter, most).await?;
    let cut = Cut::cut(found, limit, |device| device.id.to_string(), row);
    let query = query(&asked);
    let filtered = query.contains('=');
    let customer_name = match customer {
        Some(id) => customer_name(&app, &member, id).await?,
        None => String::new(),
    };
    page(&Page {
        frame,
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
        count: match most {
            Some(most) if total >= most => format!("{} or more devices", grouped(most)),
            _ => counted(total, "device", "devices"),
        },
        filtered,
        first: after.is_none(),
        next: cut.next_cursor.map(|cursor| format!("/devices?{query}&cursor={cursor}")),
        elsewhere: vec![elsewhere("This list", command(&asked), format!("GET /api/v1/devices?{query}"))],
        asked,
    })
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

/// The filters as they stand in a URL; the same for the page and the API.
fn query(asked: &Asked) -> String {
    let pairs = said(asked).into_iter().filter(|(.., value)| !value.is_empty());
    pairs.map(|(name, _, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

fn command(asked: &Asked) -> String {
    let options = said(asked).into_iter().filter(|(.., value)| !value.is_empty());
    options
        .fold("ascribe device list".to_owned(), |text, (_, option, value)| format!("{text} {option} {}", quoted(value)))
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
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
