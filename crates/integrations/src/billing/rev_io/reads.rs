//! Reading: a page of a list, or one object (`rev_io.md` C3).

use super::RevIo;
use super::contract::Call;
use super::proof::{self, without_values};
use super::send::{Asked, Keep};
use super::wire;
use crate::Permit;
use crate::answer::{Answer, Outcome, RefusedBy};
use reqwest::Method;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

/// One of Rev.io's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// In paths, with its slash.
    pub path: &'static str,
    /// The field of an object's own id.
    pub id_field: &'static str,
}

/// An object that can be read.
pub trait Record: DeserializeOwned + Send {
    /// The list it is in.
    const RESOURCE: Resource;

    /// Its id at Rev.io.
    fn id(&self) -> i64;
}

macro_rules! records {
    ($($name:ident at $path:literal by $id:ident,)*) => {
        $(impl Record for wire::$name {
            const RESOURCE: Resource = Resource { path: $path, id_field: stringify!($id) };

            fn id(&self) -> i64 {
                self.$id
            }
        })*

        #[cfg(test)]
        pub(super) const RESOURCES: &[Resource] = &[$(<wire::$name as Record>::RESOURCE,)*];
    };
}

records! {
    Customer at "/Customers" by customer_id,
    Service at "/Services" by service_id,
    ServiceProduct at "/ServiceProduct" by service_product_id,
    Product at "/Products" by product_id,
    ProductType at "/ProductTypes" by product_type_id,
    Package at "/Packages" by package_id,
    PackageProduct at "/PackageProducts" by package_product_id,
    Provider at "/Providers" by provider_id,
    ProviderAccount at "/ProviderAccounts" by provider_account_id,
    ServiceType at "/ServiceTypes" by service_type_id,
    UsagePlanGroup at "/UsagePlanGroups" by usage_plan_group_id,
    BillProfile at "/BillProfiles" by bill_profile_id,
    Agent at "/Agents" by agent_id,
    InventoryItem at "/InventoryItem" by inventory_item_id,
    InventoryType at "/InventoryTypes" by inventory_type_id,
    ServiceInventory at "/ServiceInventory" by inventory_item_id,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What could be read, in the order in which it came.
    pub records: Vec<T>,
    /// What could not. A mirror that skips these is incomplete, and should say so.
    pub unreadable: Vec<Unreadable>,
    /// Whether there is another page. A `page_size` above 500 may be cut or refused (`rev_io.md`, "Known unknowns" 3);
    /// going by this and not by the number of records is right either way.
    pub has_more: bool,
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its place on the page, from 0.
    pub index: usize,
    /// Its id, if at least that could be read.
    pub id: Option<i64>,
    /// What is wrong, without the value, which may be personal.
    pub why: String,
}

impl RevIo {
    /// One page of a list, from page 1. `search` is of field and value: `("customer_id", "7")`; a field that Rev.io does
    /// not know may be ignored and find everything, so a hit is to be looked at again ([`super::exactly`]).
    pub async fn page<T: Record>(
        &self,
        permit: Permit,
        page: u32,
        page_size: u32,
        search: &[(&str, &str)],
    ) -> Outcome<Page<T>> {
        let filters = search.iter().map(|(field, value)| (format!("search.{field}"), (*value).to_owned()));
        let places = [("search.page", page), ("search.page_size", page_size)];
        let places = places.into_iter().map(|(name, value)| (name.to_owned(), value.to_string()));
        let query = filters.chain(places).collect();
        let asked = Asked { method: Method::GET, path: T::RESOURCE.path.to_owned(), query, body: None };
        if page == 0 || page_size == 0 {
            return self.refuse(permit, &asked, "pages begin with 1 and have at least one record");
        }
        self.call(permit, Call::ReadPage, asked, Keep::Length, |text| read_page(text, T::RESOURCE)).await
    }

    /// One object by its id; none if the application says that there is no such object.
    pub async fn get<T: Record>(&self, permit: Permit, id: i64) -> Outcome<Option<T>> {
        let Resource { path, id_field } = T::RESOURCE;
        let asked = Asked { method: Method::GET, path: format!("{path}/{id}"), query: Vec::new(), body: None };
        let prove = |text: &str| proof::of_object(text, id_field, id).map(Some);
        let found = self.call(permit, Call::ReadOne, asked, Keep::Body, prove).await;
        found.map(|answer| match answer {
            // The gateway's 404 means a path that is wrong, and says nothing of the object.
            Answer::Refused(refusal) if refusal.status == Some(404) && refusal.by == RefusedBy::Application => {
                Answer::Done(None)
            }
            answer => answer,
        })
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    ok: bool,
    has_more: bool,
    #[serde(borrow)]
    records: Vec<&'a RawValue>,
}

fn read_page<T: DeserializeOwned>(text: &str, resource: Resource) -> Result<Page<T>, String> {
    if !proof::is_object(text) {
        return Err("the page is not an object".to_owned());
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| without_values(&error))?;
    if !envelope.ok {
        return Err("the page does not say ok".to_owned());
    }
    if envelope.has_more && envelope.records.is_empty() {
        // Following it could go on for ever.
        return Err("the page is empty and says that there are more".to_owned());
    }
    let mut page = Page {
        records: Vec::with_capacity(envelope.records.len()),
        unreadable: Vec::new(),
        has_more: envelope.has_more,
    };
    for (index, record) in envelope.records.iter().enumerate() {
        match read_record(record.get()) {
            Ok(record) => page.records.push(record),
            Err(why) => page.unreadable.push(Unreadable { index, id: id_of(record.get(), resource.id_field), why }),
        }
    }
    Ok(page)
}

fn read_record<T: DeserializeOwned>(record: &str) -> Result<T, String> {
    if record.contains(char::REPLACEMENT_CHARACTER) {
        return Err("text that is not UTF-8".to_owned());
    }
    if !proof::is_object(record) {
        return Err("expected an object".to_owned());
    }
    serde_json::from_str(record).map_err(|error| without_values(&error))
}

/// From a record that is a JSON object, whatever else is in it; the page as a whole is JSON already.
fn id_of(record: &str, id_field: &str) -> Option<i64> {
    let fields: std::collections::HashMap<String, IdOrElse> = serde_json::from_str(record).ok()?;
    match fields.get(id_field) {
        Some(IdOrElse::Id(id)) => Some(*id),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum IdOrElse {
    Id(i64),
    Else(IgnoredAny),
}

#[cfg(test)]
mod tests;
