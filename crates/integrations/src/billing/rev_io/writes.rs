//! Writing (`rev_io.md` C5). Each function makes one request and never a second one; [`super::contract`] says of each what
//! repeating it would do and how to find out whether it has happened.

use super::RevIo;
use super::contract::Call;
use super::proof::{self, Proof};
use super::send::{Asked, Body, JSON, JSON_PATCH, Keep};
use super::wire::request::{
    AssignInventory, CreateCustomer, CreateInventoryItem, CreateService, CreateServiceProduct,
    DisconnectServiceProduct, Limited, PatchOperation, PatchValue,
};
use crate::Permit;
use crate::answer::Outcome;
use jiff::civil::Date;
use reqwest::Method;
use serde::Serialize;
use serde_json::json;

/// Proof that a write has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The id, at Rev.io, of what was made or changed.
    pub id: i64,
}

/// A write's place and form.
struct Write {
    method: Method,
    path: String,
    content_type: &'static str,
    proof: Proof,
}

impl RevIo {
    /// Opens a service. Repeated, it makes a second one: look by number first (C5, Rules).
    pub async fn create_service(&self, permit: Permit, body: &CreateService) -> Outcome<Receipt> {
        self.write(permit, Call::CreateService, create("/Services"), body, body.excess()).await
    }

    /// Changes a service.
    pub async fn patch_service(&self, permit: Permit, service_id: i64, patch: &[PatchOperation]) -> Outcome<Receipt> {
        let write = self.patch("/Services", service_id);
        self.write(permit, Call::PatchService, write, patch, patch.excess()).await
    }

    /// Gives a service its end. Refused unless all its products end on that date already (C5, Rules): disconnect those
    /// first.
    pub async fn close_service(&self, permit: Permit, service_id: i64, on: Date) -> Outcome<Receipt> {
        let patch = [PatchOperation::replace("/disconnected_date", PatchValue::Date(on))];
        let write = self.patch("/Services", service_id);
        self.write(permit, Call::CloseService, write, &patch, patch.excess()).await
    }

    /// Puts a product on a service. Repeated, it bills twice. Not for a service with a package, which brings its own.
    pub async fn create_service_product(&self, permit: Permit, body: &CreateServiceProduct) -> Outcome<Receipt> {
        self.write(permit, Call::CreateServiceProduct, create("/ServiceProduct"), body, body.excess()).await
    }

    /// Changes a product on a service, `/quantity` or `/effective_date` for instance.
    pub async fn patch_service_product(
        &self,
        permit: Permit,
        service_product_id: i64,
        patch: &[PatchOperation],
    ) -> Outcome<Receipt> {
        let write = self.patch("/ServiceProduct", service_product_id);
        self.write(permit, Call::PatchServiceProduct, write, patch, patch.excess()).await
    }

    /// Ends a product on a service.
    pub async fn disconnect_service_product(
        &self,
        permit: Permit,
        body: &DisconnectServiceProduct,
    ) -> Outcome<Receipt> {
        let write = Write {
            method: Method::DELETE,
            path: "/ServiceProduct".to_owned(),
            content_type: JSON,
            proof: self.changed(body.service_product_id),
        };
        self.write(permit, Call::DisconnectServiceProduct, write, body, body.excess()).await
    }

    /// Makes a customer. Repeated, it makes a second one, and only an `account_number` of our own finds it again.
    pub async fn create_customer(&self, permit: Permit, body: &CreateCustomer) -> Outcome<Receipt> {
        self.write(permit, Call::CreateCustomer, create("/Customers"), body, body.excess()).await
    }

    /// Puts a thing into a customer's stock.
    pub async fn create_inventory_item(&self, permit: Permit, body: &CreateInventoryItem) -> Outcome<Receipt> {
        self.write(permit, Call::CreateInventoryItem, create("/InventoryItem"), body, body.excess()).await
    }

    /// Puts things on a line. The receipt has the service's id.
    pub async fn assign_inventory_items(&self, permit: Permit, body: &AssignInventory) -> Outcome<Receipt> {
        let write = Write {
            method: Method::PATCH,
            path: "/InventoryItem/assignService".to_owned(),
            content_type: JSON,
            proof: self.changed(body.service_id),
        };
        self.write(permit, Call::AssignInventoryItems, write, body, body.excess()).await
    }

    /// Takes a thing from its customer, and thereby from its line.
    pub async fn unassign_inventory_item(&self, permit: Permit, inventory_item_id: i64) -> Outcome<Receipt> {
        let write = Write {
            method: Method::PATCH,
            path: self.settings.inferred.unassign_path.clone(),
            content_type: JSON,
            proof: self.changed(inventory_item_id),
        };
        let body = json!({ "id": inventory_item_id });
        self.write(permit, Call::UnassignInventoryItem, write, &body, None).await
    }

    const fn changed(&self, id: i64) -> Proof {
        Proof::Changed { id, empty_is_enough: self.settings.inferred.empty_answer_proves_change }
    }

    fn patch(&self, path: &str, id: i64) -> Write {
        Write { method: Method::PATCH, path: format!("{path}/{id}"), content_type: JSON_PATCH, proof: self.changed(id) }
    }

    async fn write(
        &self,
        permit: Permit,
        call: Call,
        write: Write,
        body: &(impl Serialize + ?Sized),
        excess: Option<&'static str>,
    ) -> Outcome<Receipt> {
        let Write { method, path, content_type, proof } = write;
        let json = serde_json::to_string(body);
        // Only a map with keys that are no text cannot be written; no body has one.
        let excess = excess.or_else(|| json.is_err().then_some("the body cannot be written as JSON"));
        let body = json.ok().map(|json| Body { content_type, json });
        let asked = Asked { method, path, query: Vec::new(), body };
        match excess {
            Some(excess) => self.refuse(permit, &asked, excess),
            None => {
                let prove = |text: &str| proof::of_write(text, proof).map(|id| Receipt { id }).map_err(str::to_owned);
                self.call(permit, call, asked, Keep::Body, prove).await
            }
        }
    }
}

fn create(path: &str) -> Write {
    Write { method: Method::POST, path: path.to_owned(), content_type: JSON, proof: Proof::Created }
}
