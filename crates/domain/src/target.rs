//! What the devices of a request are to become: the names in it resolved against what the tenant has.

use crate::allocation::DataAllocation;
use crate::associate_customer::AssociateCustomer;
use crate::carrier::AtCarrier;
use crate::carrier_target::{CarrierPlanCandidate, CarrierTarget, the_carrier_target};
use crate::dates::{EffectiveDate, Moment};
use crate::ids::{
    CustomerId, CustomerRatePlanId, CustomerRatePoolId, IntegrationAuthenticationId, ServiceProviderId, SiteId,
};
use crate::line_target::{Line, LineFacts, the_line};
use crate::reason::{Reason, Refusal};
use crate::rights::Scope;

/// How a customer was found by the text of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchedBy {
    /// Our own id.
    Id,
    /// The id at Rev.io.
    RevCustomerId,
    /// The name.
    Name,
}

/// An account at Rev.io: never the id alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RevAccount {
    /// The id at Rev.io.
    pub rev_customer_id: String,
    /// Which account of ours there.
    pub integration_authentication: IntegrationAuthenticationId,
}

/// A customer that the text of the request might mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerCandidate {
    /// Its public id.
    pub id: CustomerId,
    /// Its name.
    pub name: String,
    /// How it was found.
    pub matched_by: MatchedBy,
    /// None: an AMOP customer.
    pub rev: Option<RevCandidate>,
    /// Its sites in this tenant.
    pub sites: Vec<SiteCandidate>,
    /// Is it nobody: the tenant's default site?
    pub nobody: bool,
}

/// What is particular to a rev customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevCandidate {
    /// The account.
    pub account: RevAccount,
    /// Is it closed at Rev.io?
    pub closed: bool,
    /// The row's version.
    pub version: i32,
}

/// A site of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteCandidate {
    /// The site.
    pub id: SiteId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// Archived sites cannot be assigned to.
    pub active: bool,
    /// The row's version.
    pub version: i32,
}

/// A customer rate plan or pool that the text of the request might mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferCandidate<Id> {
    /// The plan or pool.
    pub id: Id,
    /// None: fits every service provider.
    pub service_provider: Option<ServiceProviderId>,
    /// Archived ones cannot be assigned.
    pub active: bool,
    /// The row's version.
    pub version: i32,
}

/// What the tenant has under the names of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetFacts {
    /// Customers the text might mean, in any order.
    pub customers: Vec<CustomerCandidate>,
    /// Plans under that code or id.
    pub plans: Vec<OfferCandidate<CustomerRatePlanId>>,
    /// Pools under that name or id.
    pub pools: Vec<OfferCandidate<CustomerRatePoolId>>,
    /// What their accounts at Rev.io have.
    pub line: LineFacts,
    /// Carrier rate plans, by the text that might mean them.
    pub carrier_plans: Vec<(String, Vec<CarrierPlanCandidate>)>,
}

/// A row's version beside what it is the version of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Versioned<Id> {
    /// The row.
    pub id: Id,
    /// Its version when the plan was made.
    pub version: i32,
}

/// What the devices are to become.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The customer.
    pub customer: CustomerId,
    /// The site.
    pub site: Versioned<SiteId>,
    /// Are they given back to nobody?
    pub nobody: bool,
    /// The Rev account and the version of its customer; None for an AMOP customer.
    pub rev: Option<(RevAccount, i32)>,
    /// The customer rate plan, if one was asked for.
    pub plan: Option<Versioned<CustomerRatePlanId>>,
    /// The pool, if one was asked for.
    pub pool: Option<Versioned<CustomerRatePoolId>>,
    /// The allocation, if one was asked for.
    pub allocation: Option<DataAllocation>,
    /// When plan, pool and allocation take effect, if that was said.
    pub effective: Option<EffectiveDate>,
    /// The line that is asked for, if one is.
    pub line: Option<Line>,
    /// What they are to become at their carrier.
    pub carrier: CarrierTarget,
}

impl Target {
    /// The account at Rev.io; None for an AMOP customer and for nobody.
    #[must_use]
    pub fn account(&self) -> Option<&RevAccount> {
        self.rev.as_ref().map(|(account, _)| account)
    }

    /// Do plan, pool and allocation wait for their date?
    #[must_use]
    pub fn waits(&self) -> bool {
        self.asks_for_an_offer() && self.effective.is_some_and(|effective| effective.in_future)
    }

    /// Is a plan, a pool or an allocation asked for?
    #[must_use]
    pub const fn asks_for_an_offer(&self) -> bool {
        self.plan.is_some() || self.pool.is_some() || self.allocation.is_some()
    }
}

/// Resolves the names of a request. Pure.
///
/// # Errors
/// The first [`Refusal`], in the order customer, site, plan, pool, allocation, effective date, line, carrier. It holds for every
/// row that asks for the same.
pub fn resolve(
    request: &AssociateCustomer,
    service_provider: ServiceProviderId,
    facts: &TargetFacts,
    scope: &Scope,
    moment: &Moment,
    at_carrier: &AtCarrier,
) -> Result<Target, Refusal> {
    let named = request.customer.as_deref();
    let named =
        named.ok_or_else(|| Refusal::about(Reason::CustomerNotFound, "neither the row nor the request names one"))?;
    let customer = the_customer(named, &facts.customers, scope)?;
    let site = the_site(request.site.as_deref(), customer, scope)?;
    let plan = request
        .customer_rate_plan
        .as_deref()
        .map(|code| the_offer(code, service_provider, &facts.plans, Reason::PlanNotFound, Reason::PlanNotForCarrier))
        .transpose()?;
    let pool = request
        .customer_rate_pool
        .as_deref()
        .map(|name| the_offer(name, service_provider, &facts.pools, Reason::PoolNotFound, Reason::PoolMismatch))
        .transpose()?;
    let allocation = request
        .customer_data_allocation_mb
        .as_deref()
        .map(|text| DataAllocation::parse(text).map_err(|_| Refusal::about(Reason::AllocationInvalid, text)))
        .transpose()?;
    let effective = request.effective_date.as_deref().map(|text| moment.effective_date(text)).transpose()?;
    let account = customer.rev.as_ref().map(|rev| &rev.account);
    let line = the_line(&request.line, &customer.name, account, &facts.line)?;
    let found = |text: &str| {
        let found = facts.carrier_plans.iter().find(|(meant, _)| meant == text);
        found.map(|(_, plans)| plans.clone()).unwrap_or_default()
    };
    let carrier = the_carrier_target(&request.carrier, service_provider, found, at_carrier)?;
    Ok(Target {
        line,
        carrier,
        effective,
        customer: customer.id,
        nobody: customer.nobody,
        site,
        rev: customer.rev.as_ref().map(|rev| (rev.account.clone(), rev.version)),
        plan,
        pool,
        allocation,
    })
}

/// Our id wins over a rev customer id, and that over a name; within the strongest kind of match there must be one.
fn the_customer<'a>(
    text: &str,
    candidates: &'a [CustomerCandidate],
    scope: &Scope,
) -> Result<&'a CustomerCandidate, Refusal> {
    if candidates.is_empty() {
        return Err(Refusal::about(Reason::CustomerNotFound, text));
    }
    // Who is confined learns of others' customers that they are others', and nothing else: no name, no state.
    let theirs = |c: &&CustomerCandidate| *scope == Scope::Everything || c.sites.iter().any(|site| scope.has(site.id));
    let Some(strongest) = candidates.iter().filter(theirs).map(|c| c.matched_by).min() else {
        return Err(Refusal::about(Reason::CustomerNotPermitted, text));
    };
    let mut meant = candidates.iter().filter(theirs).filter(|c| c.matched_by == strongest);
    let (Some(customer), None) = (meant.next(), meant.next()) else {
        let count = candidates.iter().filter(theirs).filter(|c| c.matched_by == strongest).count();
        return Err(Refusal::about(Reason::CustomerAmbiguous, format!("{count} customers match {text}")));
    };
    if customer.rev.as_ref().is_some_and(|rev| rev.closed) {
        return Err(Refusal::about(Reason::CustomerClosed, customer.name.as_str()));
    }
    Ok(customer)
}

fn the_site(named: Option<&str>, customer: &CustomerCandidate, scope: &Scope) -> Result<Versioned<SiteId>, Refusal> {
    let meant = || {
        customer.sites.iter().filter(|site| {
            site.active && named.is_none_or(|text| site.name == text || site.id.to_string().eq_ignore_ascii_case(text))
        })
    };
    let mut sites = meant().filter(|site| scope.has(site.id));
    match (sites.next(), sites.next()) {
        (None, _) if meant().next().is_some() => {
            Err(Refusal::about(Reason::CustomerNotPermitted, named.unwrap_or(&customer.name)))
        }
        (None, _) => Err(Refusal::about(Reason::SiteNotFound, named.unwrap_or(&customer.name))),
        (Some(site), None) => Ok(Versioned { id: site.id, version: site.version }),
        (Some(_), Some(_)) => Err(Refusal::about(Reason::SiteAmbiguous, customer.name.as_str())),
    }
}

fn the_offer<Id: Copy>(
    text: &str,
    service_provider: ServiceProviderId,
    offers: &[OfferCandidate<Id>],
    missing: Reason,
    elsewhere: Reason,
) -> Result<Versioned<Id>, Refusal> {
    let active = || offers.iter().filter(|offer| offer.active);
    if let Some(offer) = active().find(|offer| offer.service_provider.is_none_or(|sp| sp == service_provider)) {
        return Ok(Versioned { id: offer.id, version: offer.version });
    }
    Err(Refusal::about(if active().next().is_some() { elsewhere } else { missing }, text))
}
