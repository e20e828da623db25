//! Importing customer rate plans and pools, and service providers.

use super::{Cells, Column, Importing, RowRefusal, Trouble};
use database::api_key::Caller;
use database::customer_rate_plan::NewCustomerRatePlan;
use database::customer_rate_pool::NewCustomerRatePool;
use database::service_provider::{NewServiceProvider, ServiceProvider, find};
use database::written::{OnExisting, Written};
use database::{DatabaseError, Ledger};
use domain::ids::{CustomerRatePlanId, CustomerRatePoolId, Ids, ServiceProviderId};

/// Customer rate plans: `rate_plan_code`, `rate_plan_name`, `service_provider` (empty: fits all), `active`.
#[derive(Clone, Debug)]
pub struct CustomerRatePlans {
    /// Makes the ids of new ones.
    pub ids: Ids,
    /// The tenant's service providers.
    pub providers: Vec<ServiceProvider>,
}

/// Customer rate pools: `name`, `service_provider` (empty: fits all), `active`.
#[derive(Clone, Debug)]
pub struct CustomerRatePools {
    /// Makes the ids of new ones.
    pub ids: Ids,
    /// The tenant's service providers.
    pub providers: Vec<ServiceProvider>,
}

/// Service providers: `name`, `integration`, `write_enabled`.
#[derive(Clone, Debug)]
pub struct ServiceProviders {
    /// Makes the ids of new ones.
    pub ids: Ids,
    /// The codes of integrations.
    pub integrations: Vec<String>,
}

const PROVIDER: Column = Column { name: "service_provider", also: &["provider", "carrier"], required: false };
const ACTIVE: Column = Column { name: "active", also: &["isactive"], required: false };

fn provider(
    row: i32,
    cells: &Cells<'_>,
    providers: &[ServiceProvider],
) -> Result<Option<ServiceProviderId>, RowRefusal> {
    let Some(text) = cells.text(row, "service_provider")? else { return Ok(None) };
    match find(providers, &text) {
        Some(found) => Ok(Some(found.id)),
        None => {
            Err(RowRefusal { row, field: "service_provider", trouble: Trouble::ServiceProviderNotFound, detail: text })
        }
    }
}

impl Importing for CustomerRatePlans {
    type Row = NewCustomerRatePlan;

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "rate_plan_code", also: &["code", "plan", "rateplan", "customerrateplan"], required: true },
            Column { name: "rate_plan_name", also: &["name", "planname"], required: false },
            PROVIDER,
            ACTIVE,
        ];
        COLUMNS
    }

    fn read(&self, row: i32, cells: &Cells<'_>) -> Result<(NewCustomerRatePlan, String), RowRefusal> {
        let code = cells.needed(row, "rate_plan_code")?;
        let plan = NewCustomerRatePlan {
            row,
            id: CustomerRatePlanId(self.ids.next()),
            code: code.clone(),
            name: cells.text(row, "rate_plan_name")?,
            service_provider: provider(row, cells, &self.providers)?,
            active: cells.yes(row, "active")?,
        };
        Ok((plan, code))
    }

    async fn write(
        &self,
        ledger: &Ledger,
        caller: &Caller,
        rows: &[NewCustomerRatePlan],
    ) -> Result<Written, DatabaseError> {
        database::customer_rate_plan::write(ledger, caller, rows, OnExisting::Update).await
    }
}

impl Importing for CustomerRatePools {
    type Row = NewCustomerRatePool;

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "name", also: &["pool", "ratepool", "customerratepool", "poolname"], required: true },
            PROVIDER,
            ACTIVE,
        ];
        COLUMNS
    }

    fn read(&self, row: i32, cells: &Cells<'_>) -> Result<(NewCustomerRatePool, String), RowRefusal> {
        let name = cells.needed(row, "name")?;
        let pool = NewCustomerRatePool {
            row,
            id: CustomerRatePoolId(self.ids.next()),
            name: name.clone(),
            service_provider: provider(row, cells, &self.providers)?,
            active: cells.yes(row, "active")?,
        };
        Ok((pool, name))
    }

    async fn write(
        &self,
        ledger: &Ledger,
        caller: &Caller,
        rows: &[NewCustomerRatePool],
    ) -> Result<Written, DatabaseError> {
        database::customer_rate_pool::write(ledger, caller, rows, OnExisting::Update).await
    }
}

impl Importing for ServiceProviders {
    type Row = NewServiceProvider;

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "name", also: &["serviceprovider", "provider"], required: true },
            Column { name: "integration", also: &["carrier"], required: true },
            Column { name: "write_enabled", also: &["writeisenabled"], required: false },
        ];
        COLUMNS
    }

    fn read(&self, row: i32, cells: &Cells<'_>) -> Result<(NewServiceProvider, String), RowRefusal> {
        let (name, integration) = (cells.needed(row, "name")?, cells.needed(row, "integration")?);
        let integration = integration.to_ascii_lowercase();
        if !self.integrations.contains(&integration) {
            let detail = format!("one of {}", self.integrations.join(", "));
            return Err(RowRefusal { row, field: "integration", trouble: Trouble::Invalid, detail });
        }
        let id = ServiceProviderId(self.ids.next());
        let write_enabled = cells.yes(row, "write_enabled")?;
        Ok((NewServiceProvider { row, id, name: name.clone(), integration, write_enabled }, name))
    }

    async fn write(
        &self,
        ledger: &Ledger,
        caller: &Caller,
        rows: &[NewServiceProvider],
    ) -> Result<Written, DatabaseError> {
        database::service_provider::write(ledger, caller, rows, OnExisting::Update).await
    }
}
