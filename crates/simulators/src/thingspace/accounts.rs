//! Accounts, plans, leads (`thingspace.md` 2): read only.

use super::account::{Account, Plan};
use super::codes;
use super::inferred::PoolsKey;
use super::profile::Profile;
use super::refusal::Refusal;
use super::wire::CARRIER;
use crate::call::{Answer, Call};
use axum::http::{StatusCode, header};
use serde_json::{Value, json};

/// Leads in a page (inferred).
const MOST_LEADS: usize = 1_000;

/// `GET /accounts/{account}`.
pub(super) fn account(profile: &Profile, name: &str, others: &[String]) -> Result<Answer, Refusal> {
    let account = profile.named_account(name, others)?;
    let pools: Vec<Value> = (account.pools.iter())
        .map(|pool| json!({ "poolName": pool.name, "poolType": pool.pool_type.word(), "isDefaultPool": pool.default }))
        .collect();
    let mut body = json!({
        "accountName": account.name, "accountNumber": account.name, "organizationName": account.organization,
        "isProvisioningAllowed": account.provisioning_allowed, "carriers": [CARRIER],
        "features": account.features(), "servicePlans": plans_of(account),
    });
    let key = match profile.inferred.pools_key {
        PoolsKey::IPPools => "iPPools",
        PoolsKey::IpPools => "ipPools",
    };
    if let Some(fields) = body.as_object_mut() {
        fields.insert(key.to_owned(), Value::Array(pools));
    }
    Ok(Answer::json(StatusCode::OK, &body))
}

/// `GET /plans/{account}`.
pub(super) fn plans(profile: &Profile, name: &str, others: &[String]) -> Result<Answer, Refusal> {
    Ok(Answer::json(StatusCode::OK, &plans_of(profile.named_account(name, others)?)))
}

fn plans_of(account: &Account) -> Vec<Value> {
    let plan = |plan: &Plan| {
        let carrier_code = plan.carrier_code.as_ref().unwrap_or(&plan.code);
        json!({
            "name": plan.name, "code": plan.code, "sizeKb": plan.size_kb, "carrierServicePlanCode": carrier_code,
            "extendedAttributes": [],
        })
    };
    account.plans.iter().map(plan).collect()
}

/// `GET /leads/{account}?next=`: where the next page begins is in `Location`.
pub(super) fn leads(profile: &Profile, name: &str, call: &Call, others: &[String]) -> Result<Answer, Refusal> {
    let account = profile.named_account(name, others)?;
    let skip = next(call);
    let leads: Vec<Value> = (account.leads.iter().skip(skip).take(MOST_LEADS))
        .map(|lead| json!({ "leadId": lead.id, "leadState": lead.state, "address": lead.address }))
        .collect();
    let more = skip + leads.len() < account.leads.len();
    let end = skip + leads.len();
    Ok(page(call, &json!({ "hasMoreData": more, "leads": leads }), more.then_some(end)))
}

/// What `next` says.
pub(super) fn next(call: &Call) -> usize {
    let next = call.query.iter().find(|(name, _)| name == "next");
    next.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

/// A page of a list that is read on by `next`.
pub(super) fn page(call: &Call, body: &Value, next: Option<usize>) -> Answer {
    match next {
        Some(next) => {
            let location = format!("{}{}?next={next}", call.base_url, call.path);
            Answer::json(StatusCode::ACCEPTED, body).with_header(header::LOCATION, location)
        }
        None => Answer::json(StatusCode::OK, body),
    }
}

/// `GET /accounts/{account}/requests/{id}/status`: of requests about one device only (`thingspace.md` 3.4).
pub(super) fn request_status(profile: &Profile, name: &str, id: &str, others: &[String]) -> Result<Answer, Refusal> {
    profile.named_account(name, others)?;
    let request = profile.requests.get(id).filter(|request| request.devices == 1 && request.kind.can_be_polled());
    let request = request.filter(|request| request.account.as_deref().is_none_or(|account| account == name));
    let request = request.ok_or(codes::REQUEST_NOT_FOUND)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "requestId": request.id, "status": request.status() })))
}
