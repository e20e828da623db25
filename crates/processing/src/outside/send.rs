//! What is sent for a write, and how it is found again.

use super::saga::{Direction, Key, Write};
use super::told::customer;
use database::outside::{OutsideRow, Sold};
use integrations::amount::Amount;
use integrations::billing::rev_io::wire::request::{
    CreateService, CreateServiceProduct, DisconnectServiceProduct, PatchOperation, PatchValue,
};
use integrations::billing::rev_io::{Receipt, RevIo};
use integrations::{Outcome, Permit};
use jiff::civil::Date;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A write, ready to be sent.
#[derive(Clone, Debug)]
pub(super) enum Request {
    CreateService(CreateService),
    CreateServiceProduct(CreateServiceProduct),
    DisconnectServiceProduct(DisconnectServiceProduct),
    CloseService { line: i64, on: Date },
    PatchService { line: i64, number: String, number2: String },
}

/// Why a write cannot be made from what the row says. It would be refused, and is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsendable(pub(super) &'static str);

impl Request {
    /// The request of a write. `line` is the receipt of the line that a product goes on; `before` is what an undo puts back.
    pub(super) fn of(
        row: &OutsideRow,
        key: Key,
        line: Option<i64>,
        before: Option<&Value>,
    ) -> Result<Self, Unsendable> {
        let sold = &row.sold;
        Ok(match key.write {
            Write::Activate | Write::Deactivate | Write::ProvisionIp | Write::ChangeCarrierRatePlan => {
                return Err(Unsendable("this is not done at Rev.io"));
            }
            Write::CreateService => Self::CreateService(create_service(row)?),
            Write::CreateServiceProduct => {
                let line = line.ok_or(Unsendable("there is no line to put the product on"))?;
                Self::CreateServiceProduct(create_product(sold, row.effective_date, line, key.item)?)
            }
            Write::DisconnectServiceProduct => Self::DisconnectServiceProduct(DisconnectServiceProduct {
                service_product_id: key.item,
                effective_date: ends_on(row, key)?,
                generate_proration: sold.prorate && key.direction == Direction::Apply,
            }),
            Write::CloseService => Self::CloseService { line: key.item, on: ends_on(row, key)? },
            Write::PatchService => {
                let text = |field: &str| before.and_then(|before| before.get(field)).and_then(Value::as_str);
                let (number, number2) = match key.direction {
                    Direction::Apply => (row.msisdn.clone(), Some(row.iccid.clone())),
                    Direction::Undo => (text("number").map(str::to_owned), text("number2").map(str::to_owned)),
                };
                Self::PatchService {
                    line: key.item,
                    number: number.unwrap_or_default(),
                    number2: number2.unwrap_or_default(),
                }
            }
        })
    }

    /// The day that is sent with it.
    pub(super) const fn effective_on(&self) -> Option<Date> {
        match self {
            Self::CreateService(body) => body.activated_date,
            Self::CreateServiceProduct(body) => body.activated_date,
            Self::DisconnectServiceProduct(body) => Some(body.effective_date),
            Self::CloseService { on, .. } => Some(*on),
            Self::PatchService { .. } => None,
        }
    }

    /// SHA-256 of what is sent.
    pub(super) fn hash(&self) -> [u8; 32] {
        let body = match self {
            Self::CreateService(body) => json!(body),
            Self::CreateServiceProduct(body) => json!(body),
            Self::DisconnectServiceProduct(body) => json!(body),
            Self::CloseService { line, on } => json!({ "line": line, "on": on.to_string() }),
            Self::PatchService { line, number, number2 } => {
                json!({ "line": line, "number": number, "number2": number2 })
            }
        };
        Sha256::digest(body.to_string().as_bytes()).into()
    }

    /// Sends it, once.
    pub(super) async fn send(&self, client: &RevIo, permit: Permit) -> Outcome<Receipt> {
        match self {
            Self::CreateService(body) => client.create_service(permit, body).await,
            Self::CreateServiceProduct(body) => client.create_service_product(permit, body).await,
            Self::DisconnectServiceProduct(body) => client.disconnect_service_product(permit, body).await,
            Self::CloseService { line, on } => client.close_service(permit, *line, *on).await,
            Self::PatchService { line, number, number2 } => {
                let patch = [
                    PatchOperation::replace("/number", PatchValue::Text(number.clone())),
                    PatchOperation::replace("/number2", PatchValue::Text(number2.clone())),
                ];
                client.patch_service(permit, *line, &patch).await
            }
        }
    }
}

/// How a write is found again, exactly (the contract's `read_back`).
pub(super) fn natural_key(row: &OutsideRow, key: Key, line: Option<i64>) -> String {
    let number = row.msisdn.as_deref().unwrap_or_default();
    let payer = row.sold.rev_customer_id.as_deref().unwrap_or_default();
    match key.write {
        Write::Activate | Write::Deactivate | Write::ProvisionIp | Write::ChangeCarrierRatePlan => {
            super::at_carrier::natural_key(&row.iccid)
        }
        Write::CreateService => format!("service number={number} customer={payer} iccid={}", row.iccid),
        Write::CreateServiceProduct => {
            let product = product(&row.sold, key.item).map_or(0, |(product, _)| *product);
            format!("product={product} service={}", line.unwrap_or(0))
        }
        Write::DisconnectServiceProduct => format!("service_product={}", key.item),
        Write::CloseService | Write::PatchService => format!("service={}", key.item),
    }
}

/// What the row sells at this place, from 1.
pub(super) fn product(sold: &Sold, item: i64) -> Option<&(i64, String)> {
    usize::try_from(item - 1).ok().and_then(|place| sold.products.get(place))
}

/// Domain 2.5 and 2.6: number is the MSISDN, number2 the ICCID; the line begins on the row's date, and says so a second time
/// where its products are prorated.
fn create_service(row: &OutsideRow) -> Result<CreateService, Unsendable> {
    let sold = &row.sold;
    let number = row.msisdn.clone().filter(|number| !number.trim().is_empty());
    Ok(CreateService {
        customer_id: customer(sold.rev_customer_id.as_deref()),
        number: number.ok_or(Unsendable("the SIM has no number any more"))?,
        number2: Some(row.iccid.clone()),
        provider_id: sold.rev_provider_id,
        service_type_id: sold.rev_service_type_id,
        package_id: sold.rev_package_id,
        provider_account_id: None,
        usage_plan_group_id: sold.rev_usage_plan_group_id,
        effective_date: row.effective_date.filter(|_| sold.prorate),
        activated_date: row.effective_date,
        description: sold.description.clone(),
    })
}

fn create_product(sold: &Sold, day: Option<Date>, line: i64, item: i64) -> Result<CreateServiceProduct, Unsendable> {
    let (product, rate) = product(sold, item).ok_or(Unsendable("the row sells no such product"))?;
    let rate: Amount = rate.parse().map_err(|_| Unsendable("the product's rate is not an amount"))?;
    Ok(CreateServiceProduct {
        customer_id: customer(sold.rev_customer_id.as_deref()),
        service_id: line,
        product_id: *product,
        package_id: None,
        rate,
        quantity: Amount::from(1),
        effective_date: day,
        activated_date: day,
        description: None,
        generate_proration: sold.prorate,
    })
}

/// What never was to be is taken back as of the day it began; what has been ends on the day that was asked for, or today.
fn ends_on(row: &OutsideRow, key: Key) -> Result<Date, Unsendable> {
    // A line and its products end on the same day, whatever day it is by now.
    let begun = row.attempts.iter().find(|attempt| {
        attempt.step == key.step.word() && attempt.direction == key.direction.word() && attempt.effective_on.is_some()
    });
    if let Some(day) = begun.and_then(|attempt| attempt.effective_on) {
        return Ok(day);
    }
    let day = match key.direction {
        Direction::Apply => row.closes_on,
        Direction::Undo => row.effective_date,
    };
    day.ok_or(Unsendable("the row says no day"))
}
