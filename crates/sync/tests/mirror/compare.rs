//! What the world has and what the mirror has, in the same words.

use crate::stage::Stage;
use database::Role;
use simulators::rev_io::{Amount, WireDate};
use std::collections::BTreeSet;

fn day(date: Option<WireDate>) -> String {
    date.map_or_else(String::new, |date| date.0.to_string()[..10].to_owned())
}

fn word<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Money by its thousandths: the simulator holds it as a float.
fn money(amount: Option<Amount>) -> String {
    amount.map_or_else(String::new, |amount| format!("{:.3}", amount.0))
}

/// Every customer, line and product of an account, as a line of text each.
fn there(stage: &Stage, username: &str) -> BTreeSet<String> {
    stage.world.rev_io(|state| {
        let account = state.account(username).unwrap();
        let customers = account.customers.iter().map(|customer| {
            let name = customer.company_name().unwrap_or_default();
            let status = customer.status.clone().unwrap_or_else(|| "OPEN".into());
            format!("customer {} {name} {status} {}", customer.customer_id, day(customer.close_date))
        });
        let lines = account.services.iter().map(|line| {
            format!(
                "line {} {} {} {} {} {} {} {}",
                line.service_id,
                line.customer_id,
                word(line.number.as_ref()),
                word(line.number2.as_ref()),
                word(line.provider_id),
                word(line.package_id.filter(|id| *id != 0)),
                day(line.activated_date),
                day(line.disconnected_date)
            )
        });
        let products = account.service_products.iter().map(|product| {
            format!(
                "product {} {} {} {} {} {} {}",
                product.service_product_id,
                word(product.service_id),
                product.product_id,
                word(product.status.as_ref()),
                money(product.rate),
                day(product.activated_date),
                day(product.canceled_date)
            )
        });
        let catalogue =
            account.products.iter().map(|p| format!("offer {} {}", p.product_id, word(p.description.as_ref())));
        let packages =
            account.packages.iter().map(|p| format!("package {} {}", p.package_id, word(p.description.as_ref())));
        let inside = account
            .package_products
            .iter()
            .map(|p| format!("inside {} {} {}", p.package_product_id, p.package_id, p.product_id));
        let providers =
            account.providers.iter().map(|p| format!("provider {} {}", p.provider_id, word(p.description.as_ref())));
        let kinds = account
            .service_types
            .iter()
            .map(|t| format!("kind {} {}", t.service_type_id, word(t.description.as_ref())));
        let groups = account
            .usage_plan_groups
            .iter()
            .map(|g| format!("group {} {}", g.usage_plan_group_id, word(g.description.as_ref())));
        let small = catalogue.chain(packages).chain(inside).chain(providers).chain(kinds).chain(groups);
        customers.chain(lines).chain(products).chain(small).collect()
    })
}

const KEPT: &str = "
    select concat_ws(' ', 'customer', rev_customer_id, customer_name, status, coalesce(close_date::text, '')) from app.rev_customer
        where integration_authentication_id = $1 and gone_at is null and rev_customer_id not like 'hand%'
    union all select concat_ws(' ', 'line', rev_service_id, rev_customer_id, coalesce(number, ''), coalesce(number2, ''), coalesce(rev_provider_id::text, ''),
        coalesce(rev_package_id::text, ''), coalesce(activated_date::text, ''), coalesce(disconnected_date::text, '')) from app.rev_service
        where integration_authentication_id = $1 and gone_at is null
    union all select concat_ws(' ', 'product', rev_service_product_id, coalesce(rev_service_id::text, ''), coalesce(rev_product_id::text, ''), coalesce(status, ''),
        coalesce(round(rate, 3)::numeric(20,3)::text, ''), coalesce(activated_date::text, ''), coalesce(canceled_date::text, '')) from app.rev_service_product
        where integration_authentication_id = $1 and gone_at is null
    union all select concat_ws(' ', 'offer', rev_product_id, coalesce(description, '')) from app.rev_product where integration_authentication_id = $1 and gone_at is null
    union all select concat_ws(' ', 'package', rev_package_id, coalesce(description, '')) from app.rev_package where integration_authentication_id = $1 and gone_at is null
    union all select concat_ws(' ', 'inside', rev_package_product_id, coalesce(rev_package_id::text, ''), coalesce(rev_product_id::text, '')) from app.rev_package_product where integration_authentication_id = $1 and gone_at is null
    union all select concat_ws(' ', 'provider', rev_provider_id, coalesce(description, '')) from app.rev_provider where integration_authentication_id = $1 and gone_at is null
    union all select concat_ws(' ', 'kind', rev_service_type_id, coalesce(description, '')) from app.rev_service_type where integration_authentication_id = $1 and gone_at is null
    union all select concat_ws(' ', 'group', rev_usage_plan_group_id, coalesce(description, '')) from app.rev_usage_plan_group where integration_authentication_id = $1 and gone_at is null";

/// Holds the mirror of an account against the world.
pub(crate) async fn assert_mirrored(stage: &Stage, name: &str, username: &str) {
    let account = stage.account(name).await;
    let mut auditor = stage.app.database.server().connect_as(Role::Auditor).await.unwrap();
    let kept: Vec<String> = sqlx::query_scalar(KEPT).bind(account.id.0).fetch_all(&mut auditor).await.unwrap();
    let count = kept.len();
    let kept: BTreeSet<String> = kept.into_iter().collect();
    assert_eq!(count, kept.len(), "nothing is kept twice");
    let there = there(stage, username);
    let lacking: Vec<&String> = there.difference(&kept).take(5).collect();
    let invented: Vec<&String> = kept.difference(&there).take(5).collect();
    assert!(lacking.is_empty() && invented.is_empty(), "{name}: lacking {lacking:#?}, invented {invented:#?}");
}
