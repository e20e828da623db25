//! What the names in requests and rows stand for, found for many at a time; and the targets that rows are to become, stored.

use crate::ledger::set_tenant;
use crate::line_names::{LineNames, line_names};
use crate::stage::{Stage, fence};
use crate::store::array;
use crate::{DatabaseError, Result};
use domain::associate_customer::AssociateCustomer;
use domain::carrier_target::{Activation, CarrierPlanCandidate};
use domain::ids::{
    BulkChangeId, CarrierRatePlanId, CustomerId, CustomerRatePlanId, CustomerRatePoolId, IntegrationAuthenticationId,
    ServiceProviderId, SiteId, TenantId,
};
use domain::line_target::Line;
use domain::target::{
    CustomerCandidate, MatchedBy, OfferCandidate, RevAccount, RevCandidate, SiteCandidate, Target, TargetFacts,
};
use jiff_sqlx::ToSqlx as _;
use serde_json::{Value, json};
use sqlx::{Acquire as _, PgConnection};
use std::collections::HashMap;
use uuid::Uuid;

/// Everything in a tenant that the names of some requests might stand for.
#[derive(Debug, Default)]
pub struct NamedFacts {
    customers: HashMap<String, Vec<CustomerCandidate>>,
    plans: HashMap<String, Vec<OfferCandidate<CustomerRatePlanId>>>,
    pools: HashMap<String, Vec<OfferCandidate<CustomerRatePoolId>>>,
    lines: LineNames,
    carrier_plans: HashMap<String, Vec<CarrierPlanCandidate>>,
}

impl NamedFacts {
    /// What the names of one of those requests might stand for.
    #[must_use]
    pub fn of(&self, request: &AssociateCustomer) -> TargetFacts {
        let named = |text: &Option<String>| text.clone().unwrap_or_default();
        TargetFacts {
            customers: self.customers.get(&named(&request.customer)).cloned().unwrap_or_default(),
            plans: self.plans.get(&named(&request.customer_rate_plan)).cloned().unwrap_or_default(),
            pools: self.pools.get(&named(&request.customer_rate_pool)).cloned().unwrap_or_default(),
            line: self.lines.of(&request.line),
            carrier_plans: carrier_plan_texts(request)
                .filter_map(|text| Some((text.clone(), self.carrier_plans.get(text)?.clone())))
                .collect(),
        }
    }
}

/// Every text of a request that names a carrier rate plan.
fn carrier_plan_texts(request: &AssociateCustomer) -> impl Iterator<Item = &String> {
    let plan = request.carrier.add_carrier_rate_plan.iter().filter_map(|plan| plan.carrier_rate_plan.as_ref());
    plan.chain(request.carrier.activate.iter().filter_map(|activation| activation.carrier_rate_plan.as_ref()))
}

/// Looks for the carrier rate plans that requests name: by code, id or friendly name. One statement, none for no names.
async fn carrier_plans(
    connection: &mut PgConnection,
    tenant: TenantId,
    requests: &[AssociateCustomer],
) -> Result<HashMap<String, Vec<CarrierPlanCandidate>>> {
    let mut found = HashMap::new();
    let named: Vec<Option<String>> = requests.iter().flat_map(carrier_plan_texts).cloned().map(Some).collect();
    let (texts, ids) = texts(named.iter());
    if texts.is_empty() {
        return Ok(found);
    }
    let rows = sqlx::query!(
        "select id, service_provider_id, rate_plan_code, friendly_name, is_active from app.carrier_rate_plan
         where tenant_id = $1 and (id = any ($2) or rate_plan_code = any ($3) or friendly_name = any ($3)) order by id",
        tenant.0,
        &ids,
        &texts
    );
    for row in rows.fetch_all(connection).await? {
        let plan = CarrierPlanCandidate {
            id: CarrierRatePlanId(row.id),
            service_provider: ServiceProviderId(row.service_provider_id),
            code: row.rate_plan_code.clone(),
            by_name: false,
            active: row.is_active,
        };
        file_under(&mut found, &texts, row.id, &[Some(row.rate_plan_code.as_str())], &plan);
        if row.friendly_name != row.rate_plan_code && texts.binary_search(&row.friendly_name).is_ok() {
            found.entry(row.friendly_name).or_default().push(CarrierPlanCandidate { by_name: true, ..plan });
        }
    }
    Ok(found)
}

/// The distinct texts of a field, and those of them that may be ids.
fn texts<'a>(given: impl Iterator<Item = &'a Option<String>>) -> (Vec<String>, Vec<Uuid>) {
    let mut texts: Vec<String> = given.flatten().cloned().collect();
    texts.sort_unstable();
    texts.dedup();
    let ids = texts.iter().filter_map(|text| Uuid::parse_str(text).ok()).collect();
    (texts, ids)
}

/// Puts a finding under every text that means it: its id, in any spelling, or its name.
fn file_under<T: Clone>(
    found: &mut HashMap<String, Vec<T>>,
    asked: &[String],
    id: Uuid,
    names: &[Option<&str>],
    item: &T,
) {
    // Few texts are ids; those are compared one by one.
    for text in asked.iter().filter(|text| Uuid::parse_str(text).ok() == Some(id)) {
        found.entry(text.clone()).or_default().push(item.clone());
    }
    let mut seen: Option<&str> = None;
    for name in names.iter().copied().flatten() {
        if seen != Some(name) && asked.binary_search_by(|text| text.as_str().cmp(name)).is_ok() {
            found.entry(name.to_owned()).or_default().push(item.clone());
        }
        seen = Some(name);
    }
}

impl Stage {
    /// Everything in this tenant that the names of these requests might stand for. Five statements, whatever their
    /// number; up to six more where lines at Rev.io are asked for, and one where carrier rate plans are.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn named_facts(&mut self, requests: &[AssociateCustomer]) -> Result<NamedFacts> {
        let tenant = self.tenant();
        let mut found = NamedFacts::default();
        let (names, ids) = texts(requests.iter().map(|r| &r.customer));
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        let customers = sqlx::query!(
            r#"select id as "id!", name as "name!", kind as "kind!", rev_customer_id, integration_authentication_id,
                   is_closed as "is_closed!", version as "version!"
               from app.customer where tenant_id = $1 and (id = any ($2) or rev_customer_id = any ($3) or name = any ($3))"#,
            tenant.0, &ids, &names)
            .fetch_all(&mut *transaction).await?;
        let customer_ids: Vec<Uuid> = customers.iter().map(|row| row.id).collect();
        let sites = sqlx::query!(
            r#"select site_id as "id!", site_name as "name!", is_active as "is_active!", site_version as "version!", customer_id as "customer_id!"
               from app.seat where tenant_id = $1 and customer_id = any ($2) order by site_id"#,
            tenant.0, &customer_ids)
            .fetch_all(&mut *transaction).await?;
        let mut sites_of: HashMap<Uuid, Vec<SiteCandidate>> = HashMap::new();
        for site in sites {
            let candidate =
                SiteCandidate { id: SiteId(site.id), name: site.name, active: site.is_active, version: site.version };
            sites_of.entry(site.customer_id).or_default().push(candidate);
        }
        for row in customers {
            let rev = row.rev_customer_id.clone().zip(row.integration_authentication_id);
            let candidate = CustomerCandidate {
                id: CustomerId(row.id),
                name: row.name.clone(),
                matched_by: MatchedBy::Name,
                rev: rev.map(|(rev_customer_id, authentication)| RevCandidate {
                    account: RevAccount {
                        rev_customer_id,
                        integration_authentication: IntegrationAuthenticationId(authentication),
                    },
                    closed: row.is_closed,
                    version: row.version,
                }),
                sites: sites_of.get(&row.id).cloned().unwrap_or_default(),
                nobody: false,
            };
            let names_of = [row.rev_customer_id.as_deref(), Some(row.name.as_str())];
            file_under(&mut found.customers, &names, row.id, &names_of, &candidate);
        }
        // Nobody: the tenant's default site, by its name or id, is what a SIM is given back to.
        let nobody = sqlx::query!(
            "select id, name, is_active, version from app.site
             where tenant_id = $1 and is_system_default and (id = any ($2) or name = any ($3))",
            tenant.0,
            &ids,
            &names
        );
        if let Some(row) = nobody.fetch_optional(&mut *transaction).await? {
            let (id, name, active, version) = (SiteId(row.id), row.name, row.is_active, row.version);
            let candidate = CustomerCandidate {
                id: CustomerId(row.id),
                name: name.clone(),
                matched_by: MatchedBy::Name,
                rev: None,
                sites: vec![SiteCandidate { id, name: name.clone(), active, version }],
                nobody: true,
            };
            file_under(&mut found.customers, &names, row.id, &[Some(name.as_str())], &candidate);
        }
        for (text, candidates) in &mut found.customers {
            let by_id = Uuid::parse_str(text).ok();
            for candidate in candidates {
                candidate.matched_by = if Some(candidate.id.0) == by_id {
                    MatchedBy::Id
                } else if candidate.rev.as_ref().is_some_and(|rev| rev.account.rev_customer_id == *text) {
                    MatchedBy::RevCustomerId
                } else {
                    MatchedBy::Name
                };
            }
        }
        let candidates = found.customers.values().flatten();
        let mut accounts: Vec<RevAccount> =
            candidates.filter_map(|candidate| Some(candidate.rev.as_ref()?.account.clone())).collect();
        accounts.sort_unstable_by(|a, b| a.rev_customer_id.cmp(&b.rev_customer_id));
        accounts.dedup();
        found.lines = line_names(&mut transaction, tenant, requests, &accounts).await?;
        let (codes, ids) = texts(requests.iter().map(|r| &r.customer_rate_plan));
        let plans = sqlx::query!(
            "select id, rate_plan_code, service_provider_id, is_active, version from app.customer_rate_plan
             where tenant_id = $1 and (id = any ($2) or rate_plan_code = any ($3))",
            tenant.0,
            &ids,
            &codes
        );
        for row in plans.fetch_all(&mut *transaction).await? {
            let provider = row.service_provider_id.map(ServiceProviderId);
            let (id, active, version) = (CustomerRatePlanId(row.id), row.is_active, row.version);
            let offer = OfferCandidate { id, service_provider: provider, active, version };
            file_under(&mut found.plans, &codes, row.id, &[Some(row.rate_plan_code.as_str())], &offer);
        }
        let (names, ids) = texts(requests.iter().map(|r| &r.customer_rate_pool));
        let pools = sqlx::query!(
            "select id, name, service_provider_id, is_active, version from app.customer_rate_pool
             where tenant_id = $1 and (id = any ($2) or name = any ($3))",
            tenant.0,
            &ids,
            &names
        );
        for row in pools.fetch_all(&mut *transaction).await? {
            let provider = row.service_provider_id.map(ServiceProviderId);
            let (id, active, version) = (CustomerRatePoolId(row.id), row.is_active, row.version);
            let offer = OfferCandidate { id, service_provider: provider, active, version };
            file_under(&mut found.pools, &names, row.id, &[Some(row.name.as_str())], &offer);
        }
        found.carrier_plans = carrier_plans(&mut transaction, tenant, requests).await?;
        transaction.commit().await?;
        Ok(found)
    }

    /// Stores what rows are to become, under numbers from this one on. One statement.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn add_targets(&mut self, change: BulkChangeId, first_number: i32, targets: &[Target]) -> Result<()> {
        let tenant = self.tenant();
        let (sites, site_versions): (Vec<Uuid>, Vec<i32>) =
            targets.iter().map(|t| (t.site.id.0, t.site.version)).unzip();
        let (customers, customer_versions): (Vec<Option<Uuid>>, Vec<Option<i32>>) =
            targets.iter().map(|t| t.rev.as_ref().map(|(_, version)| (t.customer.0, *version)).unzip()).unzip();
        let (plans, plan_versions): (Vec<Option<Uuid>>, Vec<Option<i32>>) =
            targets.iter().map(|t| t.plan.map(|p| (p.id.0, p.version)).unzip()).unzip();
        let (pools, pool_versions): (Vec<Option<Uuid>>, Vec<Option<i32>>) =
            targets.iter().map(|t| t.pool.map(|p| (p.id.0, p.version)).unzip()).unzip();
        let allocations: Vec<Option<String>> = targets.iter().map(|t| t.allocation.map(|a| a.to_string())).collect();
        let (dates, moments): (Vec<Option<jiff_sqlx::Date>>, Vec<Option<jiff_sqlx::Timestamp>>) =
            targets.iter().map(|t| t.effective.map(|e| (e.date.to_sqlx(), e.at.to_sqlx())).unzip()).unzip();
        let (lines, carrier) = (Lines::of(targets), AtCarrier::of(targets));
        let epoch = self.epoch_of(change);
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        fence(&mut transaction, tenant, change, epoch).await?;
        let stored = sqlx::query(
            "insert into app.bulk_change_target (tenant_id, bulk_change_id, target_number, site_id, site_version, rev_customer_id,
                 rev_customer_version, customer_rate_plan_id, customer_rate_plan_version, customer_rate_pool_id,
                 customer_rate_pool_version, customer_data_allocation_mb, effective_date, effective_at, opens_rev_service, rev_provider_id, rev_service_type_id,
                 rev_package_id, rev_usage_plan_group_id, rev_product_ids, rates, prorate, rev_service_description, existing_rev_service_id,
                 carrier_rate_plan_id, communication_plan, activation_carrier_rate_plan_id, activation, static_ip_pool)
             select $1, $2, $3 + u.n::integer - 1, u.site, u.site_version, u.customer, u.customer_version, u.plan, u.plan_version,
                 u.pool, u.pool_version, u.allocation::numeric, u.date, u.moment, u.opens, u.provider, u.service_type, u.package, u.usage_plan_group,
                 u.products::bigint[], u.rates::numeric[], u.prorate, u.description, u.existing, u.carrier_plan, u.communication_plan, u.activation_plan,
                 u.activation, u.static_ip_pool
             from unnest($4::uuid[], $5::integer[], $6::uuid[], $7::integer[], $8::uuid[], $9::integer[], $10::uuid[], $11::integer[],
                     $12::text[], $13::date[], $14::timestamptz[], $15::boolean[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[],
                     $20::text[], $21::text[], $22::boolean[], $23::text[], $24::uuid[], $25::uuid[], $26::text[], $27::uuid[], $28::jsonb[], $29::text[]) with ordinality
                 as u (site, site_version, customer, customer_version, plan, plan_version, pool, pool_version, allocation, date, moment, opens, provider,
                     service_type, package, usage_plan_group, products, rates, prorate, description, existing, carrier_plan, communication_plan, activation_plan, activation, static_ip_pool, n)")
            .bind(tenant.0).bind(change.0).bind(first_number).bind(&sites).bind(&site_versions).bind(&customers).bind(&customer_versions)
            .bind(&plans).bind(&plan_versions).bind(&pools).bind(&pool_versions).bind(&allocations).bind(&dates).bind(&moments)
            .bind(&lines.opens).bind(&lines.provider).bind(&lines.service_type).bind(&lines.package).bind(&lines.usage_plan_group)
            .bind(&lines.products).bind(&lines.rates).bind(&lines.prorate).bind(&lines.description).bind(&lines.existing)
            .bind(&carrier.plan).bind(&carrier.communication_plan).bind(&carrier.activation_plan).bind(&carrier.activation).bind(&carrier.static_ip_pool)
            .execute(&mut *transaction).await?;
        if stored.rows_affected() != targets.len() as u64 {
            return Err(DatabaseError::Inconsistent {
                table: "bulk_change_target",
                column: "target_number",
                value: change.to_string(),
            });
        }
        Ok(transaction.commit().await?)
    }
}

/// The lines that targets ask for, each column an array.
#[derive(Default)]
struct Lines<'a> {
    opens: Vec<bool>,
    provider: Vec<Option<i64>>,
    service_type: Vec<Option<i64>>,
    package: Vec<Option<i64>>,
    usage_plan_group: Vec<Option<i64>>,
    /// As PostgreSQL writes arrays: `unnest` takes arrays of arrays apart to the last.
    products: Vec<Option<String>>,
    rates: Vec<Option<String>>,
    prorate: Vec<bool>,
    description: Vec<Option<&'a str>>,
    existing: Vec<Option<Uuid>>,
}

impl<'a> Lines<'a> {
    fn of(targets: &'a [Target]) -> Self {
        let mut columns = Self::default();
        for target in targets {
            let (new, existing) = match &target.line {
                None => (None, None),
                Some(Line::New(line)) => (Some(line), None),
                Some(Line::Existing(line)) => (None, Some(line.id.0)),
            };
            let products = new.map(|line| &line.products[..]).unwrap_or_default();
            columns.opens.push(new.is_some());
            columns.provider.push(new.map(|line| line.provider));
            columns.service_type.push(new.and_then(|line| line.service_type));
            columns.package.push(new.and_then(|line| line.package));
            columns.usage_plan_group.push(new.and_then(|line| line.usage_plan_group));
            columns.products.push(array(products.iter().map(|(id, _)| id)));
            columns.rates.push(array(products.iter().map(|(_, rate)| rate)));
            columns.prorate.push(new.is_some_and(|line| line.prorate));
            columns.description.push(new.and_then(|line| line.description.as_deref()));
            columns.existing.push(existing);
        }
        columns
    }
}

/// What targets ask of the carrier, each column an array.
#[derive(Default)]
struct AtCarrier<'a> {
    plan: Vec<Option<Uuid>>,
    communication_plan: Vec<Option<&'a str>>,
    activation_plan: Vec<Option<Uuid>>,
    activation: Vec<Option<Value>>,
    static_ip_pool: Vec<Option<&'a str>>,
}

impl<'a> AtCarrier<'a> {
    fn of(targets: &'a [Target]) -> Self {
        let mut columns = Self::default();
        for target in targets {
            let (plan, activation) = (target.carrier.plan.as_ref(), target.carrier.activation.as_ref());
            columns.plan.push(plan.map(|plan| plan.id.0));
            columns.communication_plan.push(plan.and_then(|plan| plan.communication_plan.as_deref()));
            columns.activation_plan.push(activation.map(|activation| activation.plan.0));
            columns.activation.push(activation.map(in_words_of_the_request));
            columns.static_ip_pool.push(activation.and_then(|activation| activation.static_ip_pool.as_deref()));
        }
        columns
    }
}

/// An activation as it is stored: what was not asked for is left out.
fn in_words_of_the_request(activation: &Activation) -> Value {
    let mut stored = json!({ "zip_code": activation.zip_code });
    if let Some(sku) = &activation.sku {
        stored["sku"] = json!(sku);
    }
    if let Some(place) = &activation.place_of_use {
        stored["place_of_use"] = json!(place);
    }
    stored
}
