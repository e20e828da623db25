//! Importing customers of both kinds.

use super::{Cells, Column, Importing, RowRefusal, Trouble};
use database::api_key::Caller;
use database::customer::NewRevCustomer;
use database::site::NewSite;
use database::written::{OnExisting, Written};
use database::{DatabaseError, Ledger};
use domain::ids::{Ids, IntegrationAuthenticationId, SiteId};

/// Customers: `name`, and for a rev customer its `rev_customer_id`, with the `account` at Rev.io if the tenant has several;
/// `closed`.
#[derive(Clone, Debug)]
pub struct Customers {
    /// Makes the ids of new ones.
    pub ids: Ids,
    /// The tenant's accounts at Rev.io.
    pub accounts: Vec<(IntegrationAuthenticationId, String)>,
}

/// A customer of one kind or the other.
#[derive(Clone, Debug)]
pub enum NewCustomer {
    /// With an account at Rev.io.
    Rev(NewRevCustomer),
    /// Here alone.
    Amop(NewSite),
}

const COLUMNS: &[Column] = &[
    Column { name: "name", also: &["customer", "customername"], required: true },
    Column { name: "rev_customer_id", also: &["revcustomer", "revid", "accountnumber"], required: false },
    Column { name: "account", also: &["integrationauthentication", "revaccount"], required: false },
    Column { name: "closed", also: &["isclosed"], required: false },
];

impl Customers {
    /// The account that a text means; without a text the only one.
    #[must_use]
    pub fn account(&self, named: Option<&str>) -> Option<IntegrationAuthenticationId> {
        match (named, self.accounts.as_slice()) {
            (None, [(id, _)]) => Some(*id),
            (None, _) => None,
            (Some(text), all) => {
                let is = |(id, name): &&(IntegrationAuthenticationId, String)| {
                    name == text || id.to_string().eq_ignore_ascii_case(text)
                };
                all.iter().find(is).map(|(id, _)| *id)
            }
        }
    }
}

impl Importing for Customers {
    type Row = NewCustomer;

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn read(&self, row: i32, cells: &Cells<'_>) -> Result<(NewCustomer, String), RowRefusal> {
        let name = cells.needed(row, "name")?;
        let closed = cells.yes(row, "closed")?;
        let Some(rev_customer_id) = cells.text(row, "rev_customer_id")? else {
            let site = NewSite {
                row,
                id: SiteId(self.ids.next()),
                name: name.clone(),
                rev_customer: None,
                customer_id: self.ids.next(),
                is_amop: true,
                active: closed.map(|closed| !closed),
            };
            return Ok((NewCustomer::Amop(site), format!("name {name}")));
        };
        let named = cells.text(row, "account")?;
        let account = self.account(named.as_deref()).ok_or_else(|| RowRefusal {
            row,
            field: "account",
            trouble: Trouble::AccountNotFound,
            detail: named.unwrap_or_default(),
        })?;
        let key = format!("{rev_customer_id} at {account}");
        let (id, site) = (self.ids.next(), SiteId(self.ids.next()));
        let customer = NewRevCustomer { row, id, site, rev_customer_id, account, name, closed };
        Ok((NewCustomer::Rev(customer), key))
    }

    async fn write(&self, ledger: &Ledger, caller: &Caller, rows: &[NewCustomer]) -> Result<Written, DatabaseError> {
        let (mut rev, mut amop) = (Vec::new(), Vec::new());
        for row in rows {
            match row {
                NewCustomer::Rev(customer) => rev.push(customer.clone()),
                NewCustomer::Amop(site) => amop.push(site.clone()),
            }
        }
        let mut written = Written::default();
        if !rev.is_empty() {
            written = database::customer::write_rev(ledger, caller, &rev, OnExisting::Update).await?;
        }
        if !amop.is_empty() {
            let of_sites = database::site::write(ledger, caller, &amop, OnExisting::Update).await?;
            written.created += of_sites.created;
            written.updated += of_sites.updated;
            written.refused.extend(of_sites.refused);
        }
        Ok(written)
    }
}
