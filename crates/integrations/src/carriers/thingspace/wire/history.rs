//! What has become of a device (`thingspace.md` 2.3).

use serde::Deserialize;
use serde_json::Value;

/// A page of it. One kind of documentation wraps it into an array of one, another does not.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct History {
    pub(in super::super) provisioning_history: Option<Vec<Value>>,
    pub(in super::super) has_more_data: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct Event {
    pub(in super::super) occurred_at: Option<String>,
    pub(in super::super) status: Option<String>,
    pub(in super::super) event_type: Option<String>,
    pub(in super::super) service_plan: Option<String>,
    pub(in super::super) msisdn: Option<String>,
}
