//! Customers (`rev_io.md` C6): who is billed.

use super::object::{Amount, AsPlain, Plain, WireDate, object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One of a customer's three addresses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Address {
    pub address_id: Option<i64>,
    pub first_name: Option<String>,
    pub middle_initial: Option<String>,
    pub last_name: Option<String>,
    pub company_name: Option<String>,
    pub line_1: Option<String>,
    pub line_2: Option<String>,
    pub city: Option<String>,
    pub state_or_province: Option<String>,
    pub postal_code: Option<String>,
    pub postal_code_extension: Option<String>,
    pub country_code: Option<String>,
}

/// How a customer is billed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Finance {
    pub bill_profile_id: Option<i64>,
    pub balance: Option<Amount>,
    pub cycle_date: Option<WireDate>,
}

/// What sort of customer it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each is the field of that name on the wire")]
pub struct Profile {
    pub class: Option<String>,
}

impl AsPlain for Address {
    fn as_plain(&self) -> Option<Plain<'_>> {
        None
    }
}

impl AsPlain for Finance {
    fn as_plain(&self) -> Option<Plain<'_>> {
        None
    }
}

impl AsPlain for Profile {
    fn as_plain(&self) -> Option<Plain<'_>> {
        None
    }
}

object! {
    /// A customer. Its name is the company name of an address; there is no field of its own for it.
    Customer in Customers by customer_id, indexed [account_number, parent_customer_id] {
        parent_customer_id: Option<i64>,
        account_number: Option<String>,
        /// An open set of words: only `CLOSED` is known (C7).
        status: Option<String>,
        activated_date: Option<WireDate>,
        close_date: Option<WireDate>,
        agent_id: Option<i64>,
        email: Option<String>,
        is_parent: bool,
        auto_debit: bool,
        suspended: bool,
        suspended_date: Option<WireDate>,
        billing_address: Option<Address>,
        service_address: Option<Address>,
        listing_address: Option<Address>,
        finance: Option<Finance>,
        profile: Option<Profile>,
        fields: Vec<Value>,
    }

    fn natural_key(&self) -> String {
        self.account_number.as_ref().map_or_else(|| format!("id {}", self.customer_id), |number| format!("account {number}"))
    }

    fn is_open(&self) -> bool {
        !self.is_closed()
    }
}

impl Customer {
    /// Whether its status is the one word that is known for the end.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("CLOSED"))
    }

    /// The name people know it by.
    #[must_use]
    pub fn company_name(&self) -> Option<&str> {
        let addresses = [&self.billing_address, &self.service_address, &self.listing_address];
        addresses.into_iter().flatten().find_map(|address| address.company_name.as_deref())
    }
}
