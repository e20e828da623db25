//! What a row does to lines at Rev.io, as a plan shows it.

use database::line_images::{ClosedLine, Described, LineImage};
use database::rows::DeviceChange;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

/// Something of an account at Rev.io.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BillingName {
    /// Its id there.
    id: i64,
    /// What it is called there.
    #[schema(required)]
    description: Option<String>,
}

/// A product of a new line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineProduct {
    id: i64,
    #[schema(required)]
    description: Option<String>,
    /// As text, exact.
    rate: String,
}

/// A line that is opened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenedLine {
    #[schema(required)]
    provider: Option<BillingName>,
    #[schema(required)]
    service_type: Option<BillingName>,
    /// It brings its own products.
    #[schema(required)]
    package: Option<BillingName>,
    products: Vec<LineProduct>,
    #[schema(required)]
    usage_plan_group: Option<BillingName>,
    prorate: bool,
    #[schema(required)]
    description: Option<String>,
    /// The row's effective date.
    #[schema(required)]
    activated_date: Option<Date>,
}

/// A line of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KnownLine {
    rev_service_id: i64,
    /// The number that it bills now.
    #[schema(required)]
    number: Option<String>,
}

/// A line of another account that is closed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosedLineShown {
    rev_service_id: i64,
    #[schema(required)]
    number: Option<String>,
    /// Who is billed.
    rev_customer_id: String,
    #[schema(required)]
    customer: Option<String>,
}

/// What happens at Rev.io.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BillingImage {
    /// The line that is opened.
    #[schema(required)]
    opens: Option<OpenedLine>,
    /// The existing line that gets the SIM's number and ICCID.
    #[schema(required)]
    uses: Option<KnownLine>,
    /// The lines of other accounts that are closed.
    closes: Vec<ClosedLineShown>,
}

fn named(described: &Option<Described>) -> Option<BillingName> {
    described.as_ref().map(|(id, description)| BillingName { id: *id, description: description.clone() })
}

/// What a row does at Rev.io; none: nothing.
pub(crate) fn show(row: &DeviceChange) -> Option<BillingImage> {
    if row.steps.is_empty() {
        return None;
    }
    let (opens, uses) = match row.line.as_deref() {
        None => (None, None),
        Some(LineImage::Existing { rev_service_id, number }) => {
            (None, Some(KnownLine { rev_service_id: *rev_service_id, number: number.clone() }))
        }
        Some(LineImage::New { provider, service_type, package, products, usage_plan_group, prorate, description }) => {
            let products = products.iter().map(|((id, description), rate)| LineProduct {
                id: *id,
                description: description.clone(),
                rate: rate.to_string(),
            });
            let opened = OpenedLine {
                provider: named(provider),
                service_type: named(service_type),
                package: named(package),
                products: products.collect(),
                usage_plan_group: named(usage_plan_group),
                prorate: *prorate,
                description: description.clone(),
                activated_date: row.effective_date,
            };
            (Some(opened), None)
        }
    };
    let closed = |line: &ClosedLine| ClosedLineShown {
        rev_service_id: line.rev_service_id,
        number: line.number.clone(),
        rev_customer_id: line.rev_customer_id.clone(),
        customer: line.customer.clone(),
    };
    Some(BillingImage { opens, uses, closes: row.closes.iter().map(closed).collect() })
}
