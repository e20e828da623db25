//! Every write of the client, each with what it needs, so that a test can run over all of them.

use crate::stage::{Stage, permit};
use integrations::Outcome;
use integrations::answer::Kind;
use integrations::billing::rev_io::wire::request::{
    AssignInventory, CreateCustomer, CreateInventoryItem, CreateService, CreateServiceProduct,
    DisconnectServiceProduct, PatchOperation, PatchValue,
};
use integrations::billing::rev_io::{CONTRACT, Call, Receipt, RevIo};
use jiff::civil::{Date, date};
use simulators::rev_io::WireDate;

/// What the writes are about, taken from the world.
pub(crate) struct Subject {
    pub(crate) customer_id: i64,
    pub(crate) service_id: i64,
    pub(crate) service_product_id: i64,
    pub(crate) spare_item_id: i64,
    pub(crate) spare_identifier: String,
}

pub(crate) const ICCID: &str = "89012345678901234567";
pub(crate) const NUMBER: &str = "15550001111";

pub(crate) fn day() -> Date {
    date(2026, 1, 31)
}

pub(crate) fn writes() -> Vec<Call> {
    CONTRACT.iter().filter(|contract| contract.kind == Kind::Write).map(|contract| contract.call).collect()
}

pub(crate) fn subject(stage: &Stage) -> Subject {
    stage.world.rev_io(|state| {
        let account = &state.accounts()[0];
        let service = account.services.iter().next().unwrap();
        let service_id = service.service_id;
        let product = account.service_products.find("service_id", &service_id.to_string())[0];
        let spare = account.inventory_items.iter().find(|item| item.customer_id.is_none()).unwrap();
        Subject {
            customer_id: service.customer_id,
            service_id,
            service_product_id: product.service_product_id,
            spare_item_id: spare.inventory_item_id,
            spare_identifier: spare.identifier.clone().unwrap(),
        }
    })
}

pub(crate) fn new_service(customer_id: i64) -> CreateService {
    CreateService {
        customer_id,
        number: NUMBER.to_owned(),
        number2: Some(ICCID.to_owned()),
        provider_id: Some(1),
        service_type_id: Some(2),
        usage_plan_group_id: Some(1),
        activated_date: Some(date(2026, 1, 10)),
        description: Some("change 7".to_owned()),
        ..CreateService::default()
    }
}

pub(crate) fn new_service_product(subject: &Subject) -> CreateServiceProduct {
    CreateServiceProduct {
        customer_id: subject.customer_id,
        service_id: subject.service_id,
        product_id: 3,
        package_id: None,
        rate: "9.75".parse().unwrap(),
        quantity: 1.into(),
        effective_date: Some(date(2026, 1, 10)),
        activated_date: None,
        description: None,
        generate_proration: false,
    }
}

/// What the provider itself must have done before a write can succeed.
pub(crate) fn prepare(stage: &Stage, call: Call, subject: &Subject) {
    if call == Call::CloseService {
        let end = WireDate::read("2026-01-31").unwrap();
        stage.world.rev_io(|state| {
            let account = &mut state.accounts_mut()[0];
            let ids: Vec<i64> = account
                .service_products
                .find("service_id", &subject.service_id.to_string())
                .iter()
                .map(|product| product.service_product_id)
                .collect();
            for id in ids {
                account.service_products.change(id, |product| product.disconnect(end));
            }
        });
    }
}

/// Makes a call that is to succeed, if nothing goes wrong.
pub(crate) async fn make(rev_io: &RevIo, call: Call, subject: &Subject) -> Outcome<Receipt> {
    let quantity = [PatchOperation::replace("/quantity", PatchValue::Amount("2.5".parse().unwrap()))];
    match call {
        Call::CreateService => rev_io.create_service(permit(), &new_service(subject.customer_id)).await,
        Call::PatchService => {
            let patch = [PatchOperation::replace("/description", PatchValue::Text("x".to_owned()))];
            rev_io.patch_service(permit(), subject.service_id, &patch).await
        }
        Call::CloseService => rev_io.close_service(permit(), subject.service_id, day()).await,
        Call::CreateServiceProduct => rev_io.create_service_product(permit(), &new_service_product(subject)).await,
        Call::PatchServiceProduct => {
            rev_io.patch_service_product(permit(), subject.service_product_id, &quantity).await
        }
        Call::DisconnectServiceProduct => {
            let body = DisconnectServiceProduct {
                service_product_id: subject.service_product_id,
                effective_date: day(),
                generate_proration: false,
            };
            rev_io.disconnect_service_product(permit(), &body).await
        }
        Call::CreateCustomer => {
            let body = CreateCustomer {
                account_number: Some("A-77".to_owned()),
                email: Some("ann@example.com".to_owned()),
                ..CreateCustomer::default()
            };
            rev_io.create_customer(permit(), &body).await
        }
        Call::CreateInventoryItem => {
            let body = CreateInventoryItem::available(1, ICCID.to_owned(), subject.customer_id);
            rev_io.create_inventory_item(permit(), &body).await
        }
        Call::AssignInventoryItems => {
            let body =
                AssignInventory { service_id: subject.service_id, identifiers: vec![subject.spare_identifier.clone()] };
            rev_io.assign_inventory_items(permit(), &body).await
        }
        Call::UnassignInventoryItem => rev_io.unassign_inventory_item(permit(), subject.spare_item_id).await,
        Call::ReadPage | Call::ReadOne => panic!("{call:?} writes nothing"),
    }
}
