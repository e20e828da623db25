//! Reading what is true at Rev.io, exactly: by the natural key of a write, or a line with what is on it.
//! A read changes nothing; where it tells nothing, nothing is concluded.

use super::saga::{Direction, Key, Line, Write};
use super::told::customer;
use database::outside::OutsideRow;
use integrations::Permit;
use integrations::answer::{Answer, Postponed, Trouble};
use integrations::billing::rev_io::wire::{Service, ServiceProduct};
use integrations::billing::rev_io::{RevIo, exactly};
use serde_json::Value;
use std::time::Duration;

/// What was found of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Everything that is exactly what the write makes.
    These(Vec<i64>),
    /// Exactly that, but of somebody else.
    SomebodyElses(Vec<i64>),
    /// A line, with what is on it; products as they are mirrored.
    Line(Line, Vec<Value>),
}

/// Why nothing was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Blind {
    /// Ask again after so long.
    Later(Duration, String),
    /// The provider answers, and this tells nothing: ask again after a while.
    Unreadable(String),
    /// Nobody may ask the provider any more so often.
    Throttled(Duration),
    /// The account's credentials are not accepted.
    Credentials(String),
}

/// Objects on a page; more of one number, or on one line, than fit on one are not told apart.
const PAGE: u32 = 500;
/// How long to wait after a read that was refused, or that is not whole.
pub(super) const AGAIN: Duration = Duration::from_secs(60);

/// Has this write happened? One read.
pub(super) async fn back(
    client: &RevIo,
    permit: Permit,
    row: &OutsideRow,
    key: Key,
    line: Option<i64>,
    before: Option<&Value>,
) -> Result<Found, Blind> {
    match key.write {
        // Read at the carrier, and never here.
        Write::Activate | Write::Deactivate | Write::ProvisionIp | Write::ChangeCarrierRatePlan => {
            Err(Blind::Unreadable("this is not done at Rev.io".to_owned()))
        }
        Write::CreateService => lines_of_the_number(client, permit, row).await,
        Write::CreateServiceProduct => {
            let product = super::send::product(&row.sold, key.item).map_or(0, |(product, _)| *product);
            let line = line.unwrap_or(0);
            let on_line = products(client, permit, line).await?;
            let found = exactly::matching_service_products(&on_line, line, product);
            Ok(Found::These(found.iter().map(|found| found.service_product_id).collect()))
        }
        Write::DisconnectServiceProduct => {
            let found = told(client.get::<ServiceProduct>(permit, key.item).await.answer)?;
            let over = found.is_none_or(|product| !product.is_in_force());
            Ok(Found::These(over.then_some(key.item).into_iter().collect()))
        }
        Write::CloseService => {
            let found = told(client.get::<Service>(permit, key.item).await.answer)?;
            let over = found.is_none_or(|service| !service.is_active());
            Ok(Found::These(over.then_some(key.item).into_iter().collect()))
        }
        Write::PatchService => {
            let text =
                |field: &str| before.and_then(|before| before.get(field)).and_then(Value::as_str).unwrap_or_default();
            let wanted = match key.direction {
                Direction::Apply => (row.msisdn.as_deref().unwrap_or_default(), row.iccid.as_str()),
                Direction::Undo => (text("number"), text("number2")),
            };
            let found = told(client.get::<Service>(permit, key.item).await.answer)?;
            let is_so = found.is_some_and(|service| {
                (service.number.as_deref().unwrap_or_default(), service.number2.as_deref().unwrap_or_default())
                    == wanted
            });
            Ok(Found::These(is_so.then_some(key.item).into_iter().collect()))
        }
    }
}

/// The lines of the row's customer for its number and ICCID that go on; else those of somebody else.
async fn lines_of_the_number(client: &RevIo, permit: Permit, row: &OutsideRow) -> Result<Found, Blind> {
    let number = row.msisdn.as_deref().unwrap_or_default();
    let page = told(client.page::<Service>(permit, 1, PAGE, &[("number", number)]).await.answer)?;
    if page.has_more || !page.unreadable.is_empty() {
        return Err(Blind::Unreadable("the list of the number's lines is not whole".to_owned()));
    }
    let payer = customer(row.sold.rev_customer_id.as_deref());
    let ours = exactly::matching_services(&page.records, number, payer, &row.iccid);
    if !ours.is_empty() {
        return Ok(Found::These(ours.iter().map(|service| service.service_id).collect()));
    }
    let payers = page.records.iter().filter_map(|service| service.customer_id).filter(|other| *other != payer);
    let theirs: Vec<i64> = payers
        .flat_map(|other| exactly::matching_services(&page.records, number, other, &row.iccid))
        .map(|service| service.service_id)
        .collect();
    Ok(if theirs.is_empty() { Found::These(Vec::new()) } else { Found::SomebodyElses(theirs) })
}

/// Is this what the row's write made? One read.
pub(super) async fn adopted(
    client: &RevIo,
    permit: Permit,
    row: &OutsideRow,
    key: Key,
    line: Option<i64>,
    id: i64,
) -> Result<Found, Blind> {
    let payer = customer(row.sold.rev_customer_id.as_deref());
    let fits = match key.write {
        Write::CreateService => told(client.get::<Service>(permit, id).await.answer)?.is_some_and(|service| {
            let same_number = service.number.as_deref().map(str::trim) == row.msisdn.as_deref();
            service.is_active() && service.customer_id == Some(payer) && same_number
        }),
        _ => {
            let sold = super::send::product(&row.sold, key.item).map(|(product, _)| *product);
            told(client.get::<ServiceProduct>(permit, id).await.answer)?.is_some_and(|product| {
                product.is_in_force()
                    && product.service_id.is_some()
                    && product.service_id == line
                    && product.product_id == sold
            })
        }
    };
    Ok(Found::These(fits.then_some(id).into_iter().collect()))
}

/// A line, and what is on it. Two reads.
pub(super) async fn line(client: &RevIo, permits: [Permit; 2], id: i64) -> Result<Found, Blind> {
    let [one, other] = permits;
    let Some(service) = told(client.get::<Service>(one, id).await.answer)? else {
        return Ok(Found::Line(Line::default(), Vec::new()));
    };
    let products = products(client, other, id).await?;
    let in_force = || products.iter().filter(|product| product.is_in_force() && product.service_id == Some(id));
    let mirrored = in_force()
        .map(|product| {
            serde_json::json!({
                "service": id,
                "id": product.service_product_id,
                "product_id": product.product_id,
                "rate": product.rate.map(|rate| rate.to_string()),
                "status": product.status.as_ref().map(|status| status.word().to_owned()),
            })
        })
        .collect();
    let line = Line {
        exists: true,
        customer: service.customer_id.unwrap_or(0),
        closed: !service.is_active(),
        products: in_force().map(|product| product.service_product_id).collect(),
        number: service.number,
        number2: service.number2,
    };
    Ok(Found::Line(line, mirrored))
}

async fn products(client: &RevIo, permit: Permit, line: i64) -> Result<Vec<ServiceProduct>, Blind> {
    let id = line.to_string();
    let page = told(client.page::<ServiceProduct>(permit, 1, PAGE, &[("service_id", &id)]).await.answer)?;
    if page.has_more || !page.unreadable.is_empty() {
        return Err(Blind::Unreadable("the list of the line's products is not whole".to_owned()));
    }
    Ok(page.records)
}

/// What a read's answer is worth.
fn told<T>(answer: Answer<T>) -> Result<T, Blind> {
    match answer {
        Answer::Done(told) => Ok(told),
        Answer::TryLater { after, why } if !why.is_an_attempt() => Err(Blind::Throttled(after)),
        Answer::TryLater { why: Postponed::ReadFailed(trouble), .. } if is_an_answer(&trouble) => {
            Err(Blind::Unreadable(trouble.to_string()))
        }
        Answer::TryLater { after, why } => Err(Blind::Later(after, format!("{why:?}"))),
        Answer::CredentialsRefused { status, message } => Err(Blind::Credentials(format!("{status}: {message}"))),
        Answer::Refused(refusal) => Err(Blind::Unreadable(refusal.message)),
        Answer::Unknown { why } => Err(Blind::Later(AGAIN, why.to_string())),
    }
}

/// Did the provider say that all is well, and sent what cannot be read?
pub(super) const fn is_an_answer(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::TooLarge | Trouble::Unproven { status: 200..=299, .. })
}

/// Lines of a row's number, and products in force on the line that stays: each with what it is a product of.
pub(super) type Leftovers = (Vec<i64>, Vec<(i64, i64)>);

/// What is there of this row that no receipt of its own accounts for: lines of its number, and products on the line that stays.
/// Two reads.
pub(super) async fn late(
    client: &RevIo,
    permits: [Permit; 2],
    row: &OutsideRow,
    line: Option<i64>,
) -> Result<Leftovers, Blind> {
    let [one, other] = permits;
    let lines = match lines_of_the_number(client, one, row).await? {
        Found::These(ids) => ids,
        Found::SomebodyElses(_) | Found::Line(..) => Vec::new(),
    };
    let on_line = match line {
        Some(line) => products(client, other, line).await?,
        None => Vec::new(),
    };
    let in_force = on_line.iter().filter(|product| product.is_in_force());
    let products = in_force.filter_map(|product| Some((product.service_product_id, product.product_id?))).collect();
    Ok((lines, products))
}
