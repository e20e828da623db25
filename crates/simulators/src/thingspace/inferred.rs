//! What `thingspace.md` marks as inferred, conflicting or unknown and is a behaviour: each is a setting of the profile.

use serde::{Deserialize, Serialize};

/// What `GET /callbacks/{account}` answers if nothing is registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoListeners {
    /// 200 without a body, as the page of the provider has it.
    #[default]
    EmptyBody,
    /// 200 with `[]`.
    EmptyList,
}

/// The name of the pools in `GET /accounts/{account}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolsKey {
    /// As the generated clients have it.
    #[default]
    #[serde(rename = "iPPools")]
    IPPools,
    /// As a table of the provider has it.
    #[serde(rename = "ipPools")]
    IpPools,
}

/// Behaviours that are guesses. The defaults are the guesses that seem likeliest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inferred {
    /// A new login ends the sessions before it (6).
    pub single_session: bool,
    /// `expires_in` of a token that is handed out again is what is left of its hour, not the whole hour (1).
    pub expires_in_is_what_is_left: bool,
    /// An account and a list of devices may stand in one request (2).
    pub account_beside_devices: bool,
    /// The name of the pools (2.2).
    pub pools_key: PoolsKey,
    /// What is answered if no listener is registered.
    pub no_listeners: NoListeners,
    /// A listener may be registered at another URL without being taken away first (3.1).
    pub listeners_can_move: bool,
    /// A request with more devices than this is `NumberofDevices`; the page does not say which calls it guards (1, 6).
    pub number_of_devices: Option<usize>,
    /// Attributes of a single device that have no value are listed without one (2.1), which strict clients refuse.
    pub attributes_without_value: bool,
    /// All devices of a list have all their attributes, not `DeviceId` alone (2.1).
    pub attributes_in_lists: bool,
    /// A suspended line can be deactivated (4 does not list it).
    pub suspended_can_be_deactivated: bool,
    /// `restored` and `deactivated` in callbacks are text, not flags (3.3).
    pub flags_are_text: bool,
    /// Callbacks of plan, custom fields, cost centre and contact have a member of their own in `deviceResponse` (3.3);
    /// its name is made up.
    pub changes_have_members: bool,
    /// A plan change to the plan the line has counts.
    pub same_plan_counts: bool,
    /// History is wrapped in a list of one (2.3).
    pub history_in_a_list: bool,
}

impl Default for Inferred {
    fn default() -> Self {
        Self {
            single_session: false,
            expires_in_is_what_is_left: true,
            account_beside_devices: true,
            pools_key: PoolsKey::default(),
            no_listeners: NoListeners::default(),
            listeners_can_move: false,
            number_of_devices: None,
            attributes_without_value: false,
            attributes_in_lists: false,
            suspended_can_be_deactivated: false,
            flags_are_text: false,
            changes_have_members: false,
            same_plan_counts: true,
            history_in_a_list: true,
        }
    }
}
