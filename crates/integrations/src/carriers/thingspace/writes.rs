//! Writing to devices (`thingspace.md` 2, 2.2): one request for a batch, answered by the id of the request.

use super::ThingSpace;
use super::contract;
use super::listing::is_legal;
use super::proof;
use super::send::{Asked, Body, Keep, Signed};
use super::wire::DeviceId;
use super::wire::request::{AccountDevice, CarrierAction, PrimaryPlaceOfUse};
use crate::Permit;
use crate::answer::Outcome;
use crate::carriers::{Activation, Batch, Change, DeviceRef, NOT_SUPPORTED, Operation, SignIn, StaticIp, Taken};
use reqwest::Method;

impl ThingSpace {
    /// Sends a batch: one request, never a second one. What was accepted is proved by reading each device.
    pub async fn send(&self, permit: Permit, sign_in: &SignIn, batch: &Batch) -> Outcome<Taken> {
        let capabilities = self.capabilities();
        let body = self.body(batch);
        let (method, path) = place(batch.change.operation());
        let asked = Asked {
            operation: batch.change.operation(),
            method,
            path: format!("/m2m/v1/devices/actions/{path}"),
            body: serde_json::to_string(&body).ok().map(Body::Json),
            keep: Keep::Bodies,
            secrets: Vec::new(),
        };
        if let Err(lacking) = capabilities.admits_batch(batch) {
            return self.refuse(permit, &asked, Some(NOT_SUPPORTED), &lacking.to_string());
        }
        let excess = capabilities.excess(batch).or_else(|| excess(batch));
        // Only a map with keys that are no text cannot be written; no body has one.
        if let Some(excess) = excess.or_else(|| asked.body.is_none().then_some("the body cannot be written as JSON")) {
            return self.refuse(permit, &asked, None, excess);
        }
        let prove =
            |status: u16, text: &str| proof::request_id(status, text).map(|request_id| Taken::Accepted { request_id });
        self.call(permit, Signed::InFull(sign_in), asked, prove).await
    }

    fn body<'a>(&'a self, batch: &'a Batch) -> CarrierAction<'a> {
        let inferred = &self.settings.inferred;
        let devices = batch.devices.iter().map(|device| account_device(&batch.change, device)).collect();
        // An activation names its account; for the others the pages say either, and callers send both.
        let names_account = inferred.names_the_account_with_devices || matches!(batch.change, Change::Activate(_));
        let mut body = CarrierAction {
            devices,
            account_name: names_account.then_some(self.account_name.as_str()),
            ..CarrierAction::default()
        };
        match &batch.change {
            Change::CarrierRatePlan(change) => {
                body.service_plan = Some(&change.plan);
                body.current_service_plan =
                    change.only_from.as_deref().filter(|_| inferred.current_plan_is_a_condition);
            }
            Change::Activate(activation) => fill_in(&mut body, activation),
            Change::Deactivate => {
                body.reason_code = Some(contract::REASON_CODE);
                body.etf_waiver = self.settings.waives_early_end_fee;
            }
            Change::Suspend | Change::Restore => {}
            Change::StaticIp(StaticIp { pool, plan }) => {
                body.service_plan = Some(plan);
                body.carrier_ip_pool_name = Some(pool);
            }
        }
        body
    }
}

fn fill_in<'a>(body: &mut CarrierAction<'a>, activation: &'a Activation) {
    body.service_plan = Some(&activation.plan);
    body.mdn_zip_code = Some(&activation.zip_code);
    body.sku_number = activation.sku.as_deref();
    body.primary_place_of_use = activation.place_of_use.as_ref().map(PrimaryPlaceOfUse::of);
    if let Some(ip) = &activation.ip {
        body.carrier_ip_pool_name = ip.pool.as_deref();
        body.public_ip_restriction = ip.unrestricted.map(|yes| if yes { "unrestricted" } else { "restricted" });
    }
}

/// One id is enough, but for an activation, which pairs the SIM with its radio.
fn account_device(change: &Change, device: &DeviceRef) -> AccountDevice {
    let imei = device.imei.as_deref().filter(|_| matches!(change, Change::Activate(_)));
    AccountDevice {
        device_ids: imei.map(DeviceId::imei).into_iter().chain([DeviceId::iccid(&device.iccid)]).collect(),
        ip_address: device.ip_address.clone(),
    }
}

/// Where each change goes. A static address goes with the plan.
fn place(operation: Operation) -> (Method, &'static str) {
    match operation {
        Operation::ChangeCarrierRatePlan | Operation::ProvisionIp => (Method::PUT, "plan"),
        Operation::Activate => (Method::POST, "activate"),
        Operation::Deactivate => (Method::POST, "deactivate"),
        Operation::Suspend => (Method::POST, "suspend"),
        _ => (Method::POST, "restore"),
    }
}

/// What is documented to be refused, or would do something else than was asked.
fn excess(batch: &Batch) -> Option<&'static str> {
    let is_filled = |text: &str| !text.trim().is_empty() && is_legal(text);
    let takes_addresses = match &batch.change {
        Change::CarrierRatePlan(change) if !is_filled(&change.plan) => return Some(NO_PLAN),
        Change::StaticIp(change) if !is_filled(&change.plan) => return Some(NO_PLAN),
        Change::StaticIp(change) if !is_filled(&change.pool) => return Some(NO_POOL),
        Change::Activate(activation) => {
            if let Some(excess) = excess_of(activation, &batch.devices) {
                return Some(excess);
            }
            activation.ip.is_some()
        }
        Change::StaticIp(_) => true,
        Change::CarrierRatePlan(_) | Change::Deactivate | Change::Suspend | Change::Restore => false,
    };
    let addresses = || batch.devices.iter().filter_map(|device| device.ip_address.as_deref());
    if !takes_addresses && addresses().next().is_some() {
        Some("an address is asked for with a change that gives none")
    } else if addresses().any(|address| address.parse::<std::net::IpAddr>().is_err()) {
        Some("what is asked for as an address is none")
    } else {
        None
    }
}

const NO_PLAN: &str = "the carrier rate plan has no code, or one with ' < or \\ in it";
const NO_POOL: &str = "the pool has no name, or one with ' < or \\ in it";

fn excess_of(activation: &Activation, devices: &[DeviceRef]) -> Option<&'static str> {
    let is_filled = |text: &str| !text.trim().is_empty() && is_legal(text);
    let is_imei = |imei: &String| (14..=16).contains(&imei.len()) && imei.bytes().all(|byte| byte.is_ascii_digit());
    let pool = activation.ip.as_ref().and_then(|ip| ip.pool.as_deref());
    if !is_filled(&activation.plan) {
        Some(NO_PLAN)
    } else if !is_filled(&activation.zip_code) {
        Some("the activation has no zip code")
    } else if pool.is_some_and(|pool| !is_filled(pool)) {
        Some(NO_POOL)
    } else if activation.sku.as_deref().is_some_and(|sku| !is_filled(sku)) {
        Some("the kind of device has ' < or \\ in it")
    } else if devices.iter().filter_map(|device| device.imei.as_ref()).any(|imei| !is_imei(imei)) {
        Some("an IMEI is not of 14 to 16 digits")
    } else if activation.sku.is_none() && devices.iter().any(|device| device.imei.is_none()) {
        Some("an activation takes the IMEI of each device, or the kind of device they are sold as")
    } else if activation.place_of_use.as_ref().is_some_and(|place| {
        let texts = [&place.first_name, &place.last_name, &place.address_line_1, &place.city, &place.state, &place.zip];
        !texts.iter().all(|text| is_filled(text)) || place.address_line_2.as_deref().is_some_and(|line| !is_legal(line))
    }) {
        Some("the place of use lacks a name, a line, a city, a state or a zip code, or has ' < or \\ in it")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
