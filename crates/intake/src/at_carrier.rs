//! What a plan may ask of the carrier behind each service provider.

use crate::planner::{PlanRefusal, Planner};
use database::carrier::CarrierAccount;
use database::service_provider::ServiceProvider;
use domain::carrier::{AtCarrier, Carriers};
use domain::ids::{ServiceProviderId, TenantId};
use std::collections::HashMap;
use std::sync::Arc;

impl Planner {
    /// Knows what carriers can be asked. Without this, nothing can be planned at any of them.
    #[must_use]
    pub fn with_carriers(self, carriers: Carriers) -> Self {
        Self { carriers: Arc::new(carriers), ..self }
    }

    /// What carriers can be asked.
    #[must_use]
    pub fn carriers(&self) -> &Carriers {
        &self.carriers
    }

    /// What may be asked of the carrier behind each service provider. One statement.
    pub(crate) async fn at_carriers(
        &self,
        tenant: TenantId,
        providers: &[ServiceProvider],
        activates: bool,
    ) -> Result<HashMap<ServiceProviderId, AtCarrier>, PlanRefusal> {
        let accounts = database::carrier::accounts(&self.ledger, tenant).await?;
        let one = |provider: &ServiceProvider| {
            let account = accounts.iter().find(|account| account.service_provider == provider.id);
            let may = (provider.write_enabled, provider.at_owner != (tenant, provider.id));
            let facts = account.map(CarrierAccount::facts);
            let at = AtCarrier::of(self.carriers.of(&provider.integration), may, facts.as_ref(), activates);
            (provider.id, at)
        };
        Ok(providers.iter().map(one).collect())
    }
}
