//! The line at Rev.io that a row asks for: its names resolved against what the customer's account has.

use crate::ids::{IntegrationAuthenticationId, RevServiceId};
use crate::line_request::LineRequest;
use crate::rate::Rate;
use crate::reason::{Reason, Refusal};
use crate::target::RevAccount;

/// What a row asks of billing for its SIM.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Line {
    /// A new line.
    New(NewLine),
    /// An existing one.
    Existing(ExistingLine),
}

/// A line that is to be opened, in the account's own ids. A package brings its products; else there is at least one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NewLine {
    /// Who carries it.
    pub provider: i64,
    /// Its kind.
    pub service_type: Option<i64>,
    /// The package.
    pub package: Option<i64>,
    /// Or the products, each once, with their rates.
    pub products: Vec<(i64, Rate)>,
    /// How its usage is rated.
    pub usage_plan_group: Option<i64>,
    /// Is the first month charged in part?
    pub prorate: bool,
    /// What it is called.
    pub description: Option<String>,
}

/// A line that is there, and that the SIM is to be put on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExistingLine {
    /// The mirror's row.
    pub id: RevServiceId,
    /// Its id at Rev.io.
    pub rev_service_id: i64,
    /// The number that it bills; none: it is free.
    pub number: Option<String>,
    /// The ICCID that it bills.
    pub number2: Option<String>,
}

/// A provider, a kind of line or a usage plan group that a text might name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingItem {
    /// Of which account.
    pub account: IntegrationAuthenticationId,
    /// Its id there.
    pub id: i64,
    /// What it is called there.
    pub description: Option<String>,
    /// Is it still offered?
    pub active: bool,
}

/// A package that a text might name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageCandidate {
    /// The package.
    pub item: BillingItem,
    /// Who carries its lines.
    pub provider: Option<i64>,
    /// Their kind.
    pub service_type: Option<i64>,
    /// How their usage is rated.
    pub usage_plan_group: Option<i64>,
}

/// A product that a text might name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductCandidate {
    /// The product.
    pub item: BillingItem,
    /// Who carries it.
    pub provider: Option<i64>,
    /// What it costs if nobody says otherwise, as it is mirrored.
    pub rate: Option<String>,
}

/// A line that a text might name; active means not disconnected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCandidate {
    /// The line.
    pub item: BillingItem,
    /// Whose it is.
    pub rev_customer_id: String,
    /// As a target.
    pub line: ExistingLine,
}

/// What the accounts have under the names of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineFacts {
    /// Providers; those that packages and products name, too.
    pub providers: Vec<BillingItem>,
    /// Kinds of lines.
    pub service_types: Vec<BillingItem>,
    /// Usage plan groups.
    pub usage_plan_groups: Vec<BillingItem>,
    /// Packages.
    pub packages: Vec<PackageCandidate>,
    /// Products.
    pub products: Vec<ProductCandidate>,
    /// Lines.
    pub services: Vec<ServiceCandidate>,
}

/// Something that has an id and a description in an account.
trait Named {
    fn item(&self) -> &BillingItem;
}

impl Named for BillingItem {
    fn item(&self) -> &BillingItem {
        self
    }
}

impl Named for PackageCandidate {
    fn item(&self) -> &BillingItem {
        &self.item
    }
}

impl Named for ProductCandidate {
    fn item(&self) -> &BillingItem {
        &self.item
    }
}

impl Named for ServiceCandidate {
    fn item(&self) -> &BillingItem {
        &self.item
    }
}

/// Resolves what a request asks of billing for one customer. Pure.
///
/// # Errors
/// The first [`Refusal`].
pub(crate) fn the_line(
    asked: &LineRequest,
    customer: &str,
    account: Option<&RevAccount>,
    facts: &LineFacts,
) -> Result<Option<Line>, Refusal> {
    if !asked.create_rev_service && asked.service_id.is_none() {
        return Ok(None);
    }
    let account = account.ok_or_else(|| Refusal::about(Reason::NotARevCustomer, customer))?;
    let line = match &asked.service_id {
        Some(text) => Line::Existing(the_existing(text, asked, account, facts)?),
        None => Line::New(the_new(asked, account.integration_authentication, facts)?),
    };
    Ok(Some(line))
}

fn the_existing(
    text: &str,
    asked: &LineRequest,
    account: &RevAccount,
    facts: &LineFacts,
) -> Result<ExistingLine, Refusal> {
    let not_found = |detail: String| Refusal::about(Reason::ServiceNotFound, detail);
    if asked.package.is_some() || asked.products.is_some() {
        return Err(not_found(format!("{text}: the row names what a new line has, too")));
    }
    let theirs = facts.services.iter().filter(|line| line.rev_customer_id == account.rev_customer_id);
    let found = the_one(text, account.integration_authentication, theirs);
    found.map(|found| found.line.clone()).map_err(|why| not_found(why.about(text)))
}

fn the_new(asked: &LineRequest, account: IntegrationAuthenticationId, facts: &LineFacts) -> Result<NewLine, Refusal> {
    let offered = |text: &str, why: NotOne| Refusal::about(Reason::ProductNotFound, why.about(text));
    let item = |field: &str, text: &Option<String>, items: &[BillingItem]| {
        let found = text.as_deref().map(|text| {
            let refused =
                |why: NotOne| Refusal::about(Reason::BillingItemNotFound, format!("{field}: {}", why.about(text)));
            the_one(text, account, items.iter()).map(|found| found.id).map_err(refused)
        });
        found.transpose()
    };
    let package = match &asked.package {
        None => None,
        Some(text) => Some(the_one(text, account, facts.packages.iter()).map_err(|why| offered(text, why))?),
    };
    let mut products = Vec::new();
    for text in asked.products.iter().flatten() {
        products.push(the_one(text, account, facts.products.iter()).map_err(|why| offered(text, why))?);
    }
    match (package, products.is_empty()) {
        (None, true) => {
            return Err(Refusal::about(Reason::ProductNotFound, "neither a package nor a product is named"));
        }
        (Some(_), false) => {
            return Err(Refusal::about(Reason::ProductNotFound, "both a package and products are named"));
        }
        _ => {}
    }
    let rates = the_rates(asked, &products)?;
    let provider = match item("rev_provider", &asked.rev_provider, &facts.providers)? {
        Some(named) => named,
        None => the_shared_provider(package, &products, account, facts)?,
    };
    let of_package = |of: fn(&PackageCandidate) -> Option<i64>| package.and_then(of);
    Ok(NewLine {
        provider,
        service_type: item("service_type", &asked.service_type, &facts.service_types)?
            .or_else(|| of_package(|package| package.service_type)),
        package: package.map(|package| package.item.id),
        products: products.iter().map(|product| product.item.id).zip(rates).collect(),
        usage_plan_group: item("usage_plan_group", &asked.usage_plan_group, &facts.usage_plan_groups)?
            .or_else(|| of_package(|package| package.usage_plan_group)),
        prorate: asked.prorate,
        description: asked.description.clone(),
    })
}

/// One rate a product: the one that was given, else the product's own.
fn the_rates(asked: &LineRequest, products: &[&ProductCandidate]) -> Result<Vec<Rate>, Refusal> {
    let differ = |detail: String| Refusal::about(Reason::ProductsAndRatesDiffer, detail);
    for (place, product) in products.iter().enumerate() {
        if products[..place].iter().any(|earlier| earlier.item.id == product.item.id) {
            return Err(differ(format!("product {} is named twice", product.item.id)));
        }
    }
    let given = asked.rates.as_deref().unwrap_or_default();
    if asked.rates.is_some() && given.len() != products.len() {
        return Err(differ(format!("{} products, {} rates", products.len(), given.len())));
    }
    let rate = |(place, product): (usize, &&ProductCandidate)| {
        let (id, invalid) = (product.item.id, |detail: String| Refusal::about(Reason::RateInvalid, detail));
        match (given.get(place).filter(|text| !text.is_empty()), &product.rate) {
            (Some(text), _) => Rate::parse(text).map_err(|_| invalid(format!("product {id}: {text}"))),
            (None, Some(own)) => {
                Rate::parse(own).map_err(|_| invalid(format!("product {id} has the rate {own} at Rev.io; give one")))
            }
            (None, None) => Err(invalid(format!("product {id} has no rate at Rev.io; give one"))),
        }
    };
    products.iter().enumerate().map(rate).collect()
}

/// The package's provider, or the one that all products share.
fn the_shared_provider(
    package: Option<&PackageCandidate>,
    products: &[&ProductCandidate],
    account: IntegrationAuthenticationId,
    facts: &LineFacts,
) -> Result<i64, Refusal> {
    let not_found = |detail: &str| Refusal::about(Reason::BillingItemNotFound, format!("rev_provider: {detail}"));
    let mut of_each: Vec<Option<i64>> = package.map(|package| package.provider).into_iter().collect();
    of_each.extend(products.iter().map(|product| product.provider));
    of_each.dedup();
    let [Some(shared)] = of_each[..] else {
        return Err(not_found("none is named, and what is to be charged has none, or several"));
    };
    let known = facts.providers.iter().any(|item| item.account == account && item.id == shared && item.active);
    if known { Ok(shared) } else { Err(not_found(&shared.to_string())) }
}

/// Why a text does not name one thing.
enum NotOne {
    /// There is no such thing, or it is not offered any more.
    None,
    /// So many are called that.
    Several(usize),
}

impl NotOne {
    fn about(&self, text: &str) -> String {
        match self {
            Self::None => text.to_owned(),
            Self::Several(count) => format!("{count} are called {text}; name one by its id"),
        }
    }
}

/// What the text names in this account: by its id, else by its description if one alone has it.
fn the_one<'a, T: Named>(
    text: &str,
    account: IntegrationAuthenticationId,
    candidates: impl Iterator<Item = &'a T>,
) -> Result<&'a T, NotOne> {
    let id: Option<i64> = text.parse().ok();
    let mut called = Vec::new();
    for candidate in candidates.filter(|candidate| candidate.item().account == account && candidate.item().active) {
        if Some(candidate.item().id) == id {
            return Ok(candidate);
        }
        let is_known = |known: &&T| known.item().id == candidate.item().id;
        if candidate.item().description.as_deref() == Some(text) && !called.iter().any(is_known) {
            called.push(candidate);
        }
    }
    match called[..] {
        [one] => Ok(one),
        [] => Err(NotOne::None),
        _ => Err(NotOne::Several(called.len())),
    }
}

#[cfg(test)]
#[path = "line_target_tests.rs"]
mod tests;
