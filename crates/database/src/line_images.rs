//! What a plan's rows do to lines at Rev.io, with the names a person knows things by.

use crate::{DatabaseError, Result};
use domain::ids::{RevServiceId, TenantId};
use domain::rate::Rate;
use sqlx::PgConnection;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// Something of an account at Rev.io: its id there, and what it is called if the mirror knows.
pub type Described = (i64, Option<String>);

/// The line that a row's SIM gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineImage {
    /// A new one.
    New {
        /// Who carries it.
        provider: Option<Described>,
        /// Its kind.
        service_type: Option<Described>,
        /// The package.
        package: Option<Described>,
        /// Or the products, with their rates.
        products: Vec<(Described, Rate)>,
        /// How its usage is rated.
        usage_plan_group: Option<Described>,
        /// Is the first month charged in part?
        prorate: bool,
        /// What it is called.
        description: Option<String>,
    },
    /// An existing one.
    Existing {
        /// Its id at Rev.io.
        rev_service_id: i64,
        /// The number that the mirror says it bills.
        number: Option<String>,
    },
}

/// A line that is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedLine {
    /// Its id at Rev.io.
    pub rev_service_id: i64,
    /// The number that it bills.
    pub number: Option<String>,
    /// Who is billed, by its id at Rev.io.
    pub rev_customer_id: String,
    /// And by its name.
    pub customer: Option<String>,
}

/// The lines that targets of a change ask for, by the targets' numbers. One statement, none for no targets.
pub(crate) async fn lines_of(
    connection: &mut PgConnection,
    tenant: TenantId,
    change: Uuid,
    targets: &[i32],
) -> Result<HashMap<i32, Arc<LineImage>>> {
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"with target as materialized (
               select t.*, r.integration_authentication_id as account from app.bulk_change_target t
               join app.rev_customer r on r.tenant_id = t.tenant_id and r.id = t.rev_customer_id
               where t.tenant_id = $1 and t.bulk_change_id = $2 and t.target_number = any ($3))
           select t.target_number as "target_number!", t.opens_rev_service as "opens!", t.rev_provider_id, pr.description as "provider?", t.rev_service_type_id, st.description as "service_type?",
               t.rev_package_id, pk.description as "package?", t.rev_usage_plan_group_id, ug.description as "usage_plan_group?", t.prorate as "prorate!", t.rev_service_description,
               t.rev_product_ids, t.rates::text[] as rates,
               (select array_agg(coalesce(p.description, '') order by u.n) from unnest(t.rev_product_ids) with ordinality as u (id, n)
                left join app.rev_product p on p.tenant_id = $1 and p.integration_authentication_id = t.account and p.rev_product_id = u.id) as products,
               v.rev_service_id as "rev_service_id?", v.number as "number?"
           from target t
           left join app.rev_provider pr on pr.tenant_id = $1 and pr.integration_authentication_id = t.account and pr.rev_provider_id = t.rev_provider_id
           left join app.rev_service_type st on st.tenant_id = $1 and st.integration_authentication_id = t.account and st.rev_service_type_id = t.rev_service_type_id
           left join app.rev_package pk on pk.tenant_id = $1 and pk.integration_authentication_id = t.account and pk.rev_package_id = t.rev_package_id
           left join app.rev_usage_plan_group ug on ug.tenant_id = $1 and ug.integration_authentication_id = t.account
               and ug.rev_usage_plan_group_id = t.rev_usage_plan_group_id
           left join app.rev_service v on v.tenant_id = $1 and v.id = t.existing_rev_service_id
           where t.opens_rev_service or v.id is not null"#,
        tenant.0,
        change,
        targets
    )
    .fetch_all(connection)
    .await?;
    let mut lines = HashMap::with_capacity(rows.len());
    for row in rows {
        let line = if row.opens {
            let names = row.products.unwrap_or_default().into_iter().map(|name| (!name.is_empty()).then_some(name));
            let described = row.rev_product_ids.unwrap_or_default().into_iter().zip(names);
            let rates = row.rates.unwrap_or_default().into_iter().map(|text| {
                let invalid = |_| DatabaseError::Inconsistent {
                    table: "bulk_change_target",
                    column: "rates",
                    value: text.clone(),
                };
                Rate::parse(&text).map_err(invalid)
            });
            LineImage::New {
                provider: row.rev_provider_id.map(|id| (id, row.provider)),
                service_type: row.rev_service_type_id.map(|id| (id, row.service_type)),
                package: row.rev_package_id.map(|id| (id, row.package)),
                products: described.zip(rates.collect::<Result<Vec<_>>>()?).collect(),
                usage_plan_group: row.rev_usage_plan_group_id.map(|id| (id, row.usage_plan_group)),
                prorate: row.prorate,
                description: row.rev_service_description,
            }
        } else {
            let Some(rev_service_id) = row.rev_service_id else { continue };
            LineImage::Existing { rev_service_id, number: row.number }
        };
        lines.insert(row.target_number, Arc::new(line));
    }
    Ok(lines)
}

/// These lines, by their ids here. One statement, none for no lines.
pub(crate) async fn closed_lines(
    connection: &mut PgConnection,
    tenant: TenantId,
    lines: &[Uuid],
) -> Result<HashMap<RevServiceId, ClosedLine>> {
    if lines.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"select v.id, v.rev_service_id, v.number, v.rev_customer_id, r.customer_name as "customer?"
           from app.rev_service v
           left join app.rev_customer r on r.tenant_id = v.tenant_id and r.integration_authentication_id = v.integration_authentication_id
               and r.rev_customer_id = v.rev_customer_id
           where v.tenant_id = $1 and v.id = any ($2)"#,
        tenant.0,
        lines
    )
    .fetch_all(connection)
    .await?;
    let lines = rows.into_iter().map(|row| {
        let (rev_service_id, rev_customer_id) = (row.rev_service_id, row.rev_customer_id);
        let line = ClosedLine { rev_service_id, number: row.number, rev_customer_id, customer: row.customer };
        (RevServiceId(row.id), line)
    });
    Ok(lines.collect())
}
