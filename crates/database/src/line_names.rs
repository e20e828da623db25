//! What the names of Rev.io's things in requests might stand for, in the accounts of the customers they are asked for.

use crate::Result;
use domain::associate_customer::AssociateCustomer;
use domain::ids::{IntegrationAuthenticationId, RevServiceId, TenantId};
use domain::line_request::LineRequest;
use domain::line_target::{BillingItem, ExistingLine, LineFacts, PackageCandidate, ProductCandidate, ServiceCandidate};
use domain::target::RevAccount;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// Findings, by every text that might mean them.
type By<T> = HashMap<String, Vec<T>>;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct LineNames {
    providers: By<BillingItem>,
    service_types: By<BillingItem>,
    usage_plan_groups: By<BillingItem>,
    packages: By<PackageCandidate>,
    products: By<ProductCandidate>,
    services: By<ServiceCandidate>,
}

/// The distinct texts of a field, and the ids that some of them are.
#[derive(Debug, Default)]
struct Texts {
    texts: Vec<String>,
    ids: Vec<i64>,
    by_id: HashMap<i64, Vec<String>>,
}

impl Texts {
    fn of<'a>(given: impl Iterator<Item = &'a String>) -> Self {
        let mut texts: Vec<String> = given.cloned().collect();
        texts.sort_unstable();
        texts.dedup();
        let mut by_id: HashMap<i64, Vec<String>> = HashMap::new();
        for text in &texts {
            if let Ok(id) = text.parse() {
                by_id.entry(id).or_default().push(text.clone());
            }
        }
        let ids = by_id.keys().copied().collect();
        Self { texts, ids, by_id }
    }

    /// Adds what is looked for by its id alone.
    fn add_ids(&mut self, ids: impl Iterator<Item = i64>) {
        for id in ids {
            let known = self.by_id.entry(id).or_default();
            if known.is_empty() {
                self.ids.push(id);
            }
            let text = id.to_string();
            if !known.contains(&text) {
                known.push(text);
            }
        }
    }

    /// Puts a finding under every text that means it.
    fn file<T: Clone>(&self, found: &mut By<T>, item: &BillingItem, finding: &T) {
        let described = item.description.as_ref().filter(|text| self.texts.binary_search(text).is_ok());
        for text in self.by_id.get(&item.id).into_iter().flatten().chain(described) {
            found.entry(text.clone()).or_default().push(finding.clone());
        }
    }
}

impl LineNames {
    /// What the names of one of those requests might stand for.
    pub(crate) fn of(&self, asked: &LineRequest) -> LineFacts {
        fn all<'a, T: Clone>(found: &By<T>, texts: impl Iterator<Item = &'a String>) -> Vec<T> {
            texts.filter_map(|text| found.get(text)).flatten().cloned().collect()
        }
        let packages = all(&self.packages, asked.package.iter());
        let products = all(&self.products, asked.products.iter().flatten());
        let of_packages = packages.iter().filter_map(|package| package.provider);
        let of_both = of_packages.chain(products.iter().filter_map(|product| product.provider));
        let mut shared: Vec<String> = of_both.map(|id| id.to_string()).collect();
        shared.sort_unstable();
        shared.dedup();
        LineFacts {
            providers: all(&self.providers, asked.rev_provider.iter().chain(&shared)),
            service_types: all(&self.service_types, asked.service_type.iter()),
            usage_plan_groups: all(&self.usage_plan_groups, asked.usage_plan_group.iter()),
            services: all(&self.services, asked.service_id.iter()),
            packages,
            products,
        }
    }
}

fn item(account: Uuid, id: i64, description: Option<String>, active: bool) -> BillingItem {
    BillingItem { account: IntegrationAuthenticationId(account), id, description, active }
}

/// Looks for what requests name, in these customers' accounts. None or one statement, six at most, whatever their number.
pub(crate) async fn line_names(
    connection: &mut PgConnection,
    tenant: TenantId,
    requests: &[AssociateCustomer],
    customers: &[RevAccount],
) -> Result<LineNames> {
    let mut found = LineNames::default();
    let mut accounts: Vec<Uuid> = customers.iter().map(|customer| customer.integration_authentication.0).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let asked = || requests.iter().map(|request| &request.line);
    if accounts.is_empty() || !asked().any(LineRequest::asks) {
        return Ok(found);
    }
    let names = Texts::of(asked().filter_map(|line| line.package.as_ref()));
    if !names.texts.is_empty() {
        let rows = sqlx::query!(
            r#"select integration_authentication_id, rev_package_id, description, rev_provider_id, rev_service_type_id,
                   rev_usage_plan_group_id, coalesce(is_active, true) as "active!"
               from app.rev_package where tenant_id = $1 and integration_authentication_id = any ($2) and gone_at is null
                 and (rev_package_id = any ($3) or description = any ($4))"#,
            tenant.0,
            &accounts,
            &names.ids,
            &names.texts
        );
        for row in rows.fetch_all(&mut *connection).await? {
            let item = item(row.integration_authentication_id, row.rev_package_id, row.description, row.active);
            let package = PackageCandidate {
                item: item.clone(),
                provider: row.rev_provider_id,
                service_type: row.rev_service_type_id,
                usage_plan_group: row.rev_usage_plan_group_id,
            };
            names.file(&mut found.packages, &item, &package);
        }
    }
    let names = Texts::of(asked().flat_map(|line| line.products.iter().flatten()));
    if !names.texts.is_empty() {
        let rows = sqlx::query!(
            r#"select integration_authentication_id, rev_product_id, description, rev_provider_id, rate::text as rate,
                   coalesce(is_active, true) as "active!"
               from app.rev_product where tenant_id = $1 and integration_authentication_id = any ($2) and gone_at is null
                 and (rev_product_id = any ($3) or description = any ($4))"#,
            tenant.0,
            &accounts,
            &names.ids,
            &names.texts
        );
        for row in rows.fetch_all(&mut *connection).await? {
            let item = item(row.integration_authentication_id, row.rev_product_id, row.description, row.active);
            let product = ProductCandidate { item: item.clone(), provider: row.rev_provider_id, rate: row.rate };
            names.file(&mut found.products, &item, &product);
        }
    }
    items(connection, tenant, &accounts, asked, &mut found).await?;
    services(connection, tenant, customers, asked, &mut found).await?;
    Ok(found)
}

/// Providers, those of packages and products, too; kinds of lines; usage plan groups.
async fn items<'a, I: Iterator<Item = &'a LineRequest>>(
    connection: &mut PgConnection,
    tenant: TenantId,
    accounts: &[Uuid],
    asked: impl Fn() -> I,
    found: &mut LineNames,
) -> Result<()> {
    let mut names = Texts::of(asked().filter_map(|line| line.rev_provider.as_ref()));
    names.add_ids(found.packages.values().flatten().filter_map(|package| package.provider));
    names.add_ids(found.products.values().flatten().filter_map(|product| product.provider));
    if !names.ids.is_empty() || !names.texts.is_empty() {
        let rows = sqlx::query!(
            r#"select integration_authentication_id, rev_provider_id, description, coalesce(is_active, true) as "active!"
               from app.rev_provider where tenant_id = $1 and integration_authentication_id = any ($2) and gone_at is null
                 and (rev_provider_id = any ($3) or description = any ($4))"#,
            tenant.0,
            accounts,
            &names.ids,
            &names.texts
        );
        for row in rows.fetch_all(&mut *connection).await? {
            let item = item(row.integration_authentication_id, row.rev_provider_id, row.description, row.active);
            names.file(&mut found.providers, &item, &item);
        }
    }
    let names = Texts::of(asked().filter_map(|line| line.service_type.as_ref()));
    if !names.texts.is_empty() {
        let rows = sqlx::query!(
            r#"select integration_authentication_id, rev_service_type_id, description, coalesce(is_active, true) as "active!"
               from app.rev_service_type where tenant_id = $1 and integration_authentication_id = any ($2) and gone_at is null
                 and (rev_service_type_id = any ($3) or description = any ($4))"#,
            tenant.0,
            accounts,
            &names.ids,
            &names.texts
        );
        for row in rows.fetch_all(&mut *connection).await? {
            let item = item(row.integration_authentication_id, row.rev_service_type_id, row.description, row.active);
            names.file(&mut found.service_types, &item, &item);
        }
    }
    let names = Texts::of(asked().filter_map(|line| line.usage_plan_group.as_ref()));
    if !names.texts.is_empty() {
        let rows = sqlx::query!(
            r#"select integration_authentication_id, rev_usage_plan_group_id, description, coalesce(is_active, true) as "active!"
               from app.rev_usage_plan_group where tenant_id = $1 and integration_authentication_id = any ($2) and gone_at is null
                 and (rev_usage_plan_group_id = any ($3) or description = any ($4))"#,
            tenant.0,
            accounts,
            &names.ids,
            &names.texts
        );
        for row in rows.fetch_all(&mut *connection).await? {
            let item =
                item(row.integration_authentication_id, row.rev_usage_plan_group_id, row.description, row.active);
            names.file(&mut found.usage_plan_groups, &item, &item);
        }
    }
    Ok(())
}

/// Lines by their ids; by what they are called, among those of the customers alone.
async fn services<'a, I: Iterator<Item = &'a LineRequest>>(
    connection: &mut PgConnection,
    tenant: TenantId,
    customers: &[RevAccount],
    asked: impl Fn() -> I,
    found: &mut LineNames,
) -> Result<()> {
    let names = Texts::of(asked().filter_map(|line| line.service_id.as_ref()));
    if names.texts.is_empty() {
        return Ok(());
    }
    let called: Vec<String> = names.texts.iter().filter(|text| text.parse::<i64>().is_err()).cloned().collect();
    let mut accounts: Vec<Uuid> = customers.iter().map(|customer| customer.integration_authentication.0).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let theirs: Vec<String> = customers.iter().map(|customer| customer.rev_customer_id.clone()).collect();
    let rows = sqlx::query!(
        r#"select id as "id!", integration_authentication_id as "account!", rev_service_id as "rev_service_id!", rev_customer_id as "rev_customer_id!",
               number, number2, description, (disconnected_date is null) as "active!"
           from (
               select * from app.rev_service
               where tenant_id = $1 and integration_authentication_id = any ($2) and gone_at is null and rev_service_id = any ($3)
               union all
               select * from app.rev_service
               where tenant_id = $1 and integration_authentication_id = any ($2) and gone_at is null and rev_customer_id = any ($4)
                 and description = any ($5) and cardinality($5) > 0) as s"#,
        tenant.0,
        &accounts,
        &names.ids,
        &theirs,
        &called
    );
    for row in rows.fetch_all(&mut *connection).await? {
        let item = item(row.account, row.rev_service_id, row.description, row.active);
        let said = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let line = ExistingLine {
            id: RevServiceId(row.id),
            rev_service_id: row.rev_service_id,
            number: said(row.number),
            number2: said(row.number2),
        };
        let service = ServiceCandidate { item: item.clone(), rev_customer_id: row.rev_customer_id, line };
        names.file(&mut found.services, &item, &service);
    }
    Ok(())
}
