//! An asynchronous call, understood: its fields are read and checked here, the devices it is about are found, and what is
//! wrong with the whole of it is refused at once. What is wrong with one device is told by a callback.

use super::account::Account;
use super::body::{self, KeyValue, Wanted, WireDevice};
use super::codes::{self, Code};
use super::identifiers::{IdKind, WireId};
use super::listing::{self, Selection};
use super::paths::OrderKind;
use super::profile::Profile;
use super::refusal::Refusal;
use super::state::State;
use crate::call::Call;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The fields of all asynchronous calls (`thingspace.md` 2); each call has some of them.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Asked {
    account_name: Option<String>,
    devices: Option<Vec<WireDevice>>,
    device_ids: Option<Vec<WireId>>,
    device_ids_to: Option<Vec<WireId>>,
    filter: Option<Box<Asked>>,
    account: Option<String>,
    group_name: Option<String>,
    service_plan: Option<String>,
    current_service_plan: Option<String>,
    custom_fields: Option<Vec<KeyValue>>,
    custom_fields_to_update: Option<Vec<KeyValue>>,
    carrier_ip_pool_name: Option<String>,
    mdn_zip_code: Option<String>,
    zip_code: Option<String>,
    reason_code: Option<String>,
    delete_after_deactivation: Option<bool>,
    take_effect: Option<String>,
    cost_center: Option<String>,
    cost_center_code: Option<String>,
    remove_cost_center: Option<bool>,
    primary_place_of_use: Option<Value>,
    sku_number: Option<String>,
    #[serde(rename = "change4gOption")]
    change_option: Option<String>,
    service_name: Option<String>,
    state_name: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
}

/// What an activation is made with.
#[derive(Debug, Default)]
pub(super) struct Activation {
    pub(super) account: String,
    pub(super) plan: String,
    pub(super) zip: String,
    pub(super) pool: Option<String>,
    pub(super) custom_fields: BTreeMap<String, String>,
    pub(super) group: Option<String>,
    pub(super) cost_center: Option<String>,
    pub(super) place_of_use: Option<Value>,
    pub(super) sku: Option<String>,
}

/// What is to be done to each device.
#[derive(Debug)]
pub(super) enum Order {
    Activate(Activation),
    Deactivate { and_delete: bool },
    Suspend,
    Restore,
    Plan { plan: String, pool: Option<String> },
    CustomFields(BTreeMap<String, String>),
    CostCenter { code: Option<String>, place_of_use: Option<Value> },
    ContactInfo(Value),
    ChangeId { to: BTreeMap<IdKind, String>, new_number: bool, plan: Option<String>, zip: String },
    Move(Box<Removal>),
    Availability,
    SuspensionStatus,
    AggregateUsage { from: Timestamp, to: Timestamp },
}

/// Where a device is moved to.
#[derive(Debug)]
pub(super) struct Removal {
    pub(super) account: String,
    pub(super) plan: Option<String>,
    pub(super) pool: Option<String>,
    pub(super) group: Option<String>,
    pub(super) custom_fields: BTreeMap<String, String>,
}

/// An order and whom it is about.
pub(super) struct Placed {
    pub(super) account: Option<String>,
    pub(super) order: Order,
    pub(super) devices: Vec<Wanted>,
    /// Not before.
    pub(super) from: Option<Timestamp>,
}

/// Reads a call.
pub(super) fn read(profile: &Profile, kind: OrderKind, call: &Call, others: &[String]) -> Result<Placed, Refusal> {
    let mut asked: Asked = body::read(call)?;
    let account = account(profile, kind, &asked, others)?;
    let from = asked.take_effect.take().filter(|text| !text.is_empty());
    let from = from.map(|text| listing::instant(&text)).transpose()?;
    let devices = devices(profile, kind, account.as_deref(), &mut asked)?;
    let most = profile.settings.most_devices_in_a_request;
    if devices.len() > most {
        return Err(codes::TOO_MANY_DEVICES.into());
    }
    if profile.inferred.number_of_devices.is_some_and(|most| devices.len() > most) {
        return Err(codes::NUMBER_OF_DEVICES.into());
    }
    let order = order(profile, kind, account.as_deref(), asked)?;
    Ok(Placed { account, order, devices, from })
}

/// The account that the devices must be in. The account of a move is where they go.
fn account(profile: &Profile, kind: OrderKind, asked: &Asked, others: &[String]) -> Result<Option<String>, Refusal> {
    let name = asked.account_name.as_deref().filter(|name| !name.is_empty());
    let required = matches!(kind, OrderKind::Deactivate | OrderKind::Move | OrderKind::Availability);
    let account = match name {
        Some(name) => Some(profile.named_account(name, others)?),
        None if required => return Err(codes::ACCOUNT_NOT_DEFINED.into()),
        None if kind == OrderKind::Activate => Some(profile.only_account()?),
        None if kind == OrderKind::GoToState => match account_of_first(profile, asked) {
            Some(account) => Some(account),
            None => Some(profile.only_account()?),
        },
        None => None,
    };
    let reads = matches!(kind, OrderKind::Availability | OrderKind::SuspensionStatus | OrderKind::AggregateUsage);
    if !reads && account.is_some_and(|account| !account.provisioning_allowed) {
        return Err(codes::NOT_ALLOWED.into());
    }
    Ok(account.map(|account| account.name.clone()))
}

/// `gotostate` has no field for the account: it is the first device's (inferred).
fn account_of_first<'a>(profile: &'a Profile, asked: &Asked) -> Option<&'a Account> {
    let ids = body::ids(&asked.devices.as_ref()?.first()?.device_ids).ok()?;
    let device = ids.iter().find_map(|(kind, id)| profile.devices.find(*kind, id))?;
    profile.account(&device.record.account)
}

fn devices(
    profile: &Profile,
    kind: OrderKind,
    account: Option<&str>,
    asked: &mut Asked,
) -> Result<Vec<Wanted>, Refusal> {
    let one = |device_ids| Wanted::read(WireDevice { device_ids, ip_address: None });
    match (kind, asked.devices.take(), asked.device_ids.take()) {
        (OrderKind::ChangeId, _, Some(ids)) => Ok(vec![one(ids)?]),
        (_, Some(devices), _) if !devices.is_empty() => {
            let beside = account.is_some() && !profile.inferred.account_beside_devices;
            let required = matches!(kind, OrderKind::Activate | OrderKind::Deactivate | OrderKind::Availability);
            if beside && !required {
                return Err(codes::UNDEFINED.into());
            }
            Ok(devices.into_iter().map(Wanted::read).collect::<Result<_, _>>()?)
        }
        (_, _, Some(ids)) if !ids.is_empty() => {
            Ok(ids.into_iter().map(|id| one(vec![id])).collect::<Result<_, _>>()?)
        }
        (OrderKind::Activate | OrderKind::Deactivate | OrderKind::ChangeId | OrderKind::Availability, ..) => {
            Err(codes::UNDEFINED.into())
        }
        _ => selected(profile, kind, account, asked),
    }
}

/// The devices that match what stands in the place of a list. Nothing at all is no request (inferred).
fn selected(
    profile: &Profile,
    kind: OrderKind,
    account: Option<&str>,
    asked: &mut Asked,
) -> Result<Vec<Wanted>, Refusal> {
    let filter = asked.filter.take();
    let plan_is_filter =
        matches!(kind, OrderKind::Suspend | OrderKind::Restore | OrderKind::CustomFields | OrderKind::CostCenter);
    let fields_are_filter = plan_is_filter || kind == OrderKind::Plan;
    let (from_filter, own) = (filter.unwrap_or_default(), &*asked);
    let plan = if plan_is_filter { own.service_plan.clone() } else { own.current_service_plan.clone() };
    let fields = if fields_are_filter { own.custom_fields.clone() } else { None };
    let own_group = own.group_name.clone().filter(|_| kind != OrderKind::Move);
    let named = account.filter(|_| !matches!(kind, OrderKind::Move | OrderKind::GoToState));
    let selection = Selection {
        account: from_filter.account.or(named.map(ToOwned::to_owned)),
        custom_fields: body::custom_fields(from_filter.custom_fields.or(fields))?,
        group: from_filter.group_name.or(own_group),
        plan: from_filter.service_plan.or(plan),
        ..Selection::default()
    };
    let by_something = selection.account.is_some()
        || selection.group.is_some()
        || selection.plan.is_some()
        || !selection.custom_fields.is_empty();
    if !by_something {
        return Err(codes::UNDEFINED.into());
    }
    let default_group = |name: &str| profile.account(name).map(Account::default_group).unwrap_or_default();
    let found = profile.devices.iter().map(|device| &device.record).filter(|record| {
        selection.admits(record, || default_group(&record.account)) && record.state != State::Preactive
    });
    Ok(found.map(|record| Wanted { ids: record.ids.clone(), sent: record.wire_ids(), ip_address: None }).collect())
}

fn order(profile: &Profile, kind: OrderKind, account: Option<&str>, asked: Asked) -> Result<Order, Refusal> {
    Ok(match kind {
        OrderKind::Activate => activation(profile, account, asked)?,
        OrderKind::Deactivate => deactivation(&asked)?,
        OrderKind::Suspend => Order::Suspend,
        OrderKind::Restore => Order::Restore,
        OrderKind::Plan => plan(profile, account, asked)?,
        OrderKind::CustomFields => Order::CustomFields(body::custom_fields(asked.custom_fields_to_update)?),
        OrderKind::CostCenter => cost_center(asked)?,
        OrderKind::ContactInfo => {
            Order::ContactInfo(asked.primary_place_of_use.ok_or_else(|| Code::not_defined("PrimaryPlaceOfUse"))?)
        }
        OrderKind::ChangeId => change_id(asked)?,
        OrderKind::Move => removal(profile, account, asked)?,
        OrderKind::GoToState => go_to_state(profile, account, asked)?,
        OrderKind::Availability => Order::Availability,
        OrderKind::SuspensionStatus => Order::SuspensionStatus,
        OrderKind::AggregateUsage => Order::AggregateUsage {
            from: listing::instant(&required(asked.start_time, "StartTime")?)?,
            to: listing::instant(&required(asked.end_time, "EndTime")?)?,
        },
    })
}

fn required(text: Option<String>, field: &str) -> Result<String, Code> {
    text.filter(|text| !text.trim().is_empty()).ok_or_else(|| Code::not_defined(field))
}

/// The pool that addresses come from: the one that is named, or the default one.
fn pool(account: &Account, named: Option<String>) -> Result<Option<String>, Code> {
    match named.filter(|name| !name.is_empty()) {
        Some(name) => account.has_pool(&name).map(|()| Some(name)),
        None => account.default_pool(),
    }
}

fn named<'a>(profile: &'a Profile, account: Option<&str>) -> Result<&'a Account, Code> {
    account.and_then(|name| profile.account(name)).ok_or(codes::ACCOUNT_NOT_DEFINED)
}

fn activation(profile: &Profile, account: Option<&str>, asked: Asked) -> Result<Order, Refusal> {
    let account = named(profile, account)?;
    let plan = required(asked.service_plan, "ServicePlan")?;
    let zip = required(asked.mdn_zip_code, "MdnZipCode")?;
    account.has_plan(&plan)?;
    if let Some(code) = &asked.cost_center_code {
        is_cost_center(code)?;
    }
    let group = asked.group_name.filter(|name| !name.is_empty() && *name != account.default_group());
    if group.as_ref().is_some_and(|group| !account.groups.contains_key(group)) {
        return Err(codes::GROUP_NOT_FOUND.into());
    }
    Ok(Order::Activate(Activation {
        account: account.name.clone(),
        plan,
        zip,
        pool: pool(account, asked.carrier_ip_pool_name)?,
        custom_fields: body::custom_fields(asked.custom_fields)?,
        group,
        cost_center: asked.cost_center_code,
        place_of_use: asked.primary_place_of_use,
        sku: asked.sku_number,
    }))
}

fn deactivation(asked: &Asked) -> Result<Order, Refusal> {
    match asked.reason_code.as_deref() {
        Some("FF") => Ok(Order::Deactivate { and_delete: asked.delete_after_deactivation == Some(true) }),
        _ => Err(codes::REASON_CODE.into()),
    }
}

/// Without an account the plan must be one of any account of the user; each device's own account is looked at later.
fn plan(profile: &Profile, account: Option<&str>, asked: Asked) -> Result<Order, Refusal> {
    let plan = required(asked.service_plan, "ServicePlan")?;
    let mut accounts = profile.accounts.iter().filter(|other| account.is_none_or(|name| name == other.name));
    if !accounts.clone().any(|account| account.has_plan(&plan).is_ok()) {
        return Err(Code::no_such_plan(&plan).into());
    }
    let pool = asked.carrier_ip_pool_name.filter(|name| !name.is_empty());
    if pool.as_ref().is_some_and(|name| !accounts.any(|account| account.has_pool(name).is_ok())) {
        return Err(codes::POOL_NOT_FOUND.into());
    }
    Ok(Order::Plan { plan, pool })
}

fn cost_center(asked: Asked) -> Result<Order, Refusal> {
    let place_of_use = asked.primary_place_of_use.filter(|place| !place.is_null());
    if asked.remove_cost_center == Some(true) {
        return Ok(Order::CostCenter { code: None, place_of_use });
    }
    let code = required(asked.cost_center, "CostCenter")?;
    is_cost_center(&code)?;
    Ok(Order::CostCenter { code: Some(code), place_of_use })
}

fn is_cost_center(code: &str) -> Result<(), Code> {
    let admits = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, ' ' | '-' | '!' | '#');
    if code.chars().count() <= 36 && code.chars().all(admits) { Ok(()) } else { Err(codes::COST_CENTER) }
}

fn change_id(asked: Asked) -> Result<Order, Refusal> {
    const OPTIONS: [&str; 7] =
        ["ChangeICCID", "ChangeIMEI", "ChangeIMEIandICCID", "ChangeMSISDN", "3Gto4G", "4Gto3G", "ChangeIMEIandEID"];
    let option = asked.change_option.unwrap_or_default();
    if !option.is_empty() && !OPTIONS.iter().any(|known| known.eq_ignore_ascii_case(&option)) {
        return Err(codes::CHANGE_OPTION.into());
    }
    let new_number = option.eq_ignore_ascii_case("ChangeMSISDN");
    let to = match asked.device_ids_to.filter(|ids| !ids.is_empty()) {
        Some(ids) => body::ids(&ids)?,
        None if new_number => BTreeMap::new(),
        None => return Err(codes::IDENTIFIER_INVALID.into()),
    };
    Ok(Order::ChangeId { to, new_number, plan: asked.service_plan, zip: asked.zip_code.unwrap_or_default() })
}

fn removal(profile: &Profile, account: Option<&str>, asked: Asked) -> Result<Order, Refusal> {
    let target = named(profile, account)?;
    let plan = asked.service_plan.filter(|plan| !plan.is_empty());
    if let Some(plan) = &plan {
        target.has_plan(plan)?;
    }
    Ok(Order::Move(Box::new(Removal {
        account: target.name.clone(),
        plan,
        pool: pool(target, asked.carrier_ip_pool_name)?,
        group: asked.group_name.filter(|name| target.groups.contains_key(name)),
        custom_fields: body::custom_fields(asked.custom_fields)?,
    })))
}

/// The words of the states are the account's own in life; here they are those of the other calls (inferred).
fn go_to_state(profile: &Profile, account: Option<&str>, asked: Asked) -> Result<Order, Refusal> {
    required(asked.service_name.clone(), "ServiceName")?;
    let state = required(asked.state_name.clone(), "StateName")?;
    match State::named(&state) {
        Some(State::Active) => activation(profile, account, asked),
        Some(State::Suspend) => Ok(Order::Suspend),
        Some(State::Deactive) => Ok(Order::Deactivate { and_delete: false }),
        None if state.eq_ignore_ascii_case("restore") => Ok(Order::Restore),
        _ => Err(codes::STATE_INVALID.into()),
    }
}
