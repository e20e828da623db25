//! Importing sites.

use super::{Cells, Column, Importing, RowRefusal, Trouble};
use database::api_key::Caller;
use database::site::NewSite;
use database::written::{OnExisting, Written};
use database::{DatabaseError, Ledger};
use domain::ids::{Ids, SiteId};
use std::collections::HashMap;
use uuid::Uuid;

/// Sites: `name`, `customer` (a rev customer's id here, or its `rev_customer_id`; empty: the site is a customer itself), `active`.
#[derive(Clone, Debug)]
pub struct Sites {
    /// Makes the ids of new ones.
    pub ids: Ids,
    /// Rev customers by what names them: our id, or the id at Rev.io where that is one's alone.
    pub rev_customers: HashMap<String, Uuid>,
}

const COLUMNS: &[Column] = &[
    Column { name: "name", also: &["site", "sitename"], required: true },
    Column { name: "customer", also: &["revcustomer", "revcustomerid", "customerid"], required: false },
    Column { name: "active", also: &["isactive"], required: false },
];

impl Importing for Sites {
    type Row = NewSite;

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn read(&self, row: i32, cells: &Cells<'_>) -> Result<(NewSite, String), RowRefusal> {
        let name = cells.needed(row, "name")?;
        let rev_customer = match cells.text(row, "customer")? {
            None => None,
            Some(text) => Some(*self.rev_customers.get(&text.to_ascii_lowercase()).ok_or(RowRefusal {
                row,
                field: "customer",
                trouble: Trouble::CustomerNotFound,
                detail: text,
            })?),
        };
        let active = cells.yes(row, "active")?;
        let site = NewSite {
            row,
            id: SiteId(self.ids.next()),
            name: name.clone(),
            rev_customer,
            customer_id: self.ids.next(),
            is_amop: false,
            active,
        };
        Ok((site, name))
    }

    async fn write(&self, ledger: &Ledger, caller: &Caller, rows: &[NewSite]) -> Result<Written, DatabaseError> {
        database::site::write(ledger, caller, rows, OnExisting::Update).await
    }
}
