//! The account, its plans, its callbacks, and tokens (`thingspace.md` 1, 2 and 3.1).

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(in super::super) struct BearerToken {
    pub(in super::super) access_token: Option<String>,
    pub(in super::super) token_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct SessionToken {
    pub(in super::super) session_token: Option<String>,
}

/// The account. Its pools are called `iPPools` in samples and `ipPools` in a table: both are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct Account {
    pub(in super::super) account_name: Option<String>,
    #[serde(rename = "iPPools", alias = "ipPools")]
    pub(in super::super) pools: Option<Vec<Pool>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct Pool {
    pub(in super::super) pool_name: Option<String>,
    pub(in super::super) pool_type: Option<String>,
    pub(in super::super) is_default_pool: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct ServicePlan {
    pub(in super::super) name: Option<String>,
    pub(in super::super) code: Option<String>,
    pub(in super::super) size_kb: Option<Value>,
}

/// A listener. It is registered by a `name` and listed with a `serviceName`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct Listener {
    pub(in super::super) account_name: Option<String>,
    pub(in super::super) service_name: Option<String>,
    pub(in super::super) url: Option<String>,
    pub(in super::super) username: Option<String>,
    pub(in super::super) password: Option<String>,
}
