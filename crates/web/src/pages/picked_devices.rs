//! Devices that somebody picks out on `/devices`: a list they pasted, which waits in the spool under an id that stands in the URL,
//! or what a filter leaves. A list of thousands fits no URL.

use super::devices::{Asked, plain};
use super::visitor::Member;
use crate::App;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::http::StatusCode;
use database::device::{Filter, Named, named};
use database::service_provider::ServiceProvider;
use domain::iccid::Iccid;
use domain::identifier::Identifier;
use intake::{MOST_ROWS, Parked, Spooled};
use std::collections::HashMap;
use uuid::Uuid;

/// The most SIMs that a list narrows the devices to. More is a file for a plan.
pub(super) const MOST_LISTED: usize = 50_000;
/// So many of those that are not known are shown.
const SHOWN_UNKNOWN: usize = 200;
/// ICCIDs that are read at a time.
const PAGE: i64 = 10_000;

/// A list that the devices are narrowed to.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// How many SIMs it names.
    pub(super) named: usize,
    /// Those of them that are no device here, or none that may be seen.
    pub(super) unknown: usize,
    pub(super) shown_unknown: Vec<String>,
}

/// What the devices are narrowed to, as it was asked for.
pub(super) struct Narrowed {
    pub(super) filter: Filter,
    pub(super) listed: Option<Listed>,
}

/// Reads the filters of the page, which are the API's and a pasted list.
pub(super) async fn narrowed(
    app: &App,
    member: &Member,
    providers: &[ServiceProvider],
    asked: &Asked,
) -> Result<Narrowed, Problem> {
    let (caller, allowed) = (member.caller().0, member.allowed());
    // One that is no id has no devices.
    let customer = plain(&asked.customer)?.map(|text| Uuid::parse_str(&text).unwrap_or_default());
    let provider = plain(&asked.service_provider)?.map(|text| {
        // One that is not there has no devices.
        database::service_provider::find(providers, &text).map_or(Uuid::nil(), |provider| provider.id.0)
    });
    let iccid = plain(&asked.iccid)?;
    let mut filter = Filter {
        iccid: iccid.map(|text| Iccid::read(&text).map_or(text, |iccid| iccid.as_str().to_owned())),
        customer,
        service_provider: provider,
        status: plain(&asked.status)?,
        service_providers: crate::devices::list::seen(app, &caller).await?,
        sites: allowed.sites(),
        ..Filter::default()
    };
    let listed = match asked.pasted.trim() {
        "" => None,
        id => {
            let (among, listed) = listed(app, member, &filter, path_id(id)?).await?;
            filter.among = Some(among);
            Some(listed)
        }
    };
    Ok(Narrowed { filter, listed })
}

/// Finds the devices of a list. What is stored exactly as it was given wins over the same number in its other form.
async fn listed(app: &App, member: &Member, seen: &Filter, id: Uuid) -> Result<(Vec<Uuid>, Listed), Problem> {
    let caller = member.caller().0;
    let (_, spooled) = taken(app, member, id).await?;
    let (identifiers, _) = app.planner.identifiers(&caller, spooled, MOST_LISTED).await?;
    let (numbers, iccids): (Vec<&Identifier>, Vec<&Identifier>) = identifiers.iter().partition(|one| one.is_number());
    let forms = |list: &[&Identifier]| -> Vec<String> {
        list.iter().flat_map(|one| [Some(one.as_str().to_owned()), one.other_form()]).flatten().collect()
    };
    let found = named(&app.ledger, caller.tenant, seen, &forms(&iccids), &forms(&numbers)).await?;
    let mut by: HashMap<&str, Vec<&Named>> = HashMap::new();
    for device in &found {
        by.entry(&device.iccid).or_default().push(device);
        if let Some(number) = &device.msisdn {
            by.entry(number).or_default().push(device);
        }
    }
    let (mut among, mut listed) = (Vec::new(), Listed { named: identifiers.len(), ..Listed::default() });
    for identifier in &identifiers {
        let exact = by.get(identifier.as_str());
        let meant = exact.or_else(|| identifier.other_form().and_then(|other| by.get(other.as_str())));
        match meant {
            Some(devices) => among.extend(devices.iter().map(|device| device.id)),
            None => {
                listed.unknown += 1;
                if listed.shown_unknown.len() < SHOWN_UNKNOWN {
                    listed.shown_unknown.push(identifier.as_str().to_owned());
                }
            }
        }
    }
    among.sort_unstable();
    among.dedup();
    Ok((among, listed))
}

/// An input of the caller's that waits, and its file.
pub(super) async fn taken(app: &App, member: &Member, id: Uuid) -> Result<(Parked, Spooled), Problem> {
    let gone = || {
        let said = "This list is not here any more, or it is not yours: a list waits for a day. Paste it again.";
        Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", said)
    };
    let parked = app.spool.parked(id, &member.caller().0).await?.ok_or_else(gone)?;
    let spooled = app.spool.take(id, &parked, app.ids.next()).await?.ok_or_else(gone)?;
    Ok((parked, spooled))
}

/// Looks at an upload, and keeps it for whoever sent it, under the id that is answered.
pub(super) async fn kept(app: &App, member: &Member, name: Option<String>, spooled: Spooled) -> Result<Uuid, Problem> {
    let caller = member.caller().0;
    let look = app.planner.look(&caller, &spooled).await?;
    let id = app.ids.next();
    app.spool.park(id, &caller, name, spooled, look).await?;
    Ok(id)
}

/// Text as an upload.
pub(super) async fn spooled(app: &App, text: &str) -> Result<Spooled, Problem> {
    let mut writing = app.spool.begin(app.ids.next()).await?;
    writing.write(text.as_bytes()).await?;
    Ok(writing.finish().await?)
}

/// The ICCIDs that the filter leaves, as an upload: what they are now, not what they will be.
pub(super) async fn spooled_by_filter(app: &App, member: &Member, filter: &Filter) -> Result<Spooled, Problem> {
    let tenant = member.caller().0.tenant;
    let mut writing = app.spool.begin(app.ids.next()).await?;
    writing.write(b"iccid\n").await?;
    let (mut after, mut rows) = (None, 0_i64);
    loop {
        let page = database::device::iccids(&app.ledger, tenant, filter, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        rows += i64::try_from(page.len()).unwrap_or(i64::MAX);
        if rows > i64::from(MOST_ROWS) {
            let said = format!(
                "These are more than {} devices: narrow them first.",
                super::wording::grouped(MOST_ROWS.into())
            );
            return Err(Problem::field("devices", "TOO_LARGE", said));
        }
        let block: String = page.into_iter().map(|(_, iccid)| iccid + "\n").collect();
        writing.write(block.as_bytes()).await?;
    }
    Ok(writing.finish().await?)
}
