//! `/about`: what a client needs to sign in, and what it will find there.

use crate::World;
use crate::call::own_url;
use crate::rev_io::Account;
use crate::thingspace;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

/// The first account's data flat, for whoever wants just one; all of them in `accounts`.
pub(crate) async fn show(State(world): State<World>, headers: HeaderMap) -> Json<Value> {
    let base_url = format!("{}/rev-io/v1", own_url(&headers));
    let accounts: Vec<Map<String, Value>> =
        world.rev_io(|state| state.accounts().iter().map(|account| about(account, &base_url)).collect());
    let mut rev_io = accounts.first().cloned().unwrap_or_default();
    rev_io.insert("base_url".to_owned(), Value::String(base_url));
    rev_io.insert("accounts".to_owned(), json!(accounts));
    let base_url = format!("{}/thingspace/api", own_url(&headers));
    let thingspace = world.thingspace(|state| thingspace::about(state, &base_url));
    Json(json!({ "rev-io": rev_io, "thingspace": thingspace }))
}

fn about(account: &Account, base_url: &str) -> Map<String, Value> {
    let customers: Vec<i64> = account.customers.iter().map(|customer| customer.customer_id).collect();
    let providers: Vec<i64> = account.providers.iter().map(|provider| provider.provider_id).collect();
    let products: Vec<i64> = account.products.iter().map(|product| product.product_id).collect();
    let packages: Vec<i64> = account.packages.iter().map(|package| package.package_id).collect();
    let service_types: Vec<i64> =
        account.service_types.iter().map(|service_type| service_type.service_type_id).collect();
    let mut about = Map::new();
    about.insert("base_url".to_owned(), json!(base_url));
    about.insert("username".to_owned(), json!(account.username));
    about.insert("password".to_owned(), json!(account.password));
    about.insert("subscription_key".to_owned(), json!(account.subscription_key));
    about.insert("accept_without_key".to_owned(), json!(account.accept_without_key));
    about.insert("calls_per_minute".to_owned(), json!(account.calls_per_minute));
    about.insert("calls_per_day".to_owned(), json!(account.calls_per_day));
    about.insert("customers".to_owned(), json!(customers));
    about.insert("providers".to_owned(), json!(providers));
    about.insert("products".to_owned(), json!(products));
    about.insert("packages".to_owned(), json!(packages));
    about.insert("service_types".to_owned(), json!(service_types));
    about.insert("services".to_owned(), json!(account.services.len()));
    about
}
