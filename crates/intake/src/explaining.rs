//! Why can this SIM not be assigned? The verdict of a plan for one device, asked and not kept: nothing is stored, nothing is
//! planned. Of lines at Rev.io it says what is known here; only a plan asks there again.

use crate::judging::hide_what_is_not_theirs;
use crate::planner::{PlanRefusal, Planner, Surroundings};
use database::api_key::Caller;
use database::copy_lines::{CopyLines, InputRow};
use database::plan::Making;
use database::stage::Stage;
use database::staged_row::RowsOf;
use domain::associate_customer::AssociateCustomer;
use domain::identifier::{Column, Identifier};
use domain::ids::{BulkChangeId, ServiceProviderId};
use domain::reason::{Reason, Refusal};
use domain::steps::{Outside, Step};
use domain::target::{Target, resolve};
use domain::verdict::{Conflict, Permit, Verdict, verdict};

/// What a plan would say of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explained {
    /// It would be changed, by these steps outside, and then recorded.
    Change(Vec<Step>),
    /// It is as asked already.
    NoChange(Refusal),
    /// It would be left alone, and why.
    Refused(Refusal),
}

impl Planner {
    /// What a plan with this request would say of the one device of this ICCID at this service provider. Not a row is written.
    ///
    /// # Errors
    /// The request as a whole is refused, or the database does not answer.
    pub async fn explain(
        &self,
        caller: Caller,
        request: AssociateCustomer,
        iccid: &str,
        provider: ServiceProviderId,
    ) -> Result<Explained, PlanRefusal> {
        let Surroundings { providers, moment, rights, .. } = self.surroundings(&caller, &request).await?;
        let Some(theirs) = providers.iter().find(|of| of.id == provider).cloned() else {
            return Err(PlanRefusal::ServiceProviderNotFound(provider.to_string()));
        };
        let permit = Permit { may_assign: rights.may_assign_at(&theirs.integration), scope: rights.scope.clone() };
        let place = self.places.acquire().await.map_err(|_| PlanRefusal::Interrupted)?;
        let at_carriers =
            self.at_carriers(caller.tenant, std::slice::from_ref(&theirs), request.carrier.activate.is_some()).await?;
        let at_carrier = at_carriers.get(&provider).cloned().unwrap_or_default();
        // Nothing is stored under this id: it only says whose staging tables these are.
        let making = Making::new(BulkChangeId(self.ids.next()));
        let mut stage = Stage::open(&self.ledger, caller.tenant, making).await?;
        let (send, receive) = tokio::sync::mpsc::channel(1);
        let mut lines = CopyLines::default();
        lines.push(&InputRow {
            row_number: 1,
            input: iccid.to_owned(),
            reading: Identifier::read(iccid, Column::Iccids),
            service_provider: Some(provider),
            overrides: None,
            record: None,
            imei: None,
        });
        // The channel takes one block before anybody listens.
        drop(send.try_send(lines));
        drop(send);
        stage.copy(receive).await?;
        stage.match_devices(std::slice::from_ref(&theirs)).await?;
        let page = stage.page(RowsOf::All, Some(provider), 0, 1).await?;
        let facts = stage.named_facts(std::slice::from_ref(&request)).await?;
        stage.close().await?;
        drop(place);
        let target = resolve(&request, provider, &facts.of(&request), &permit.scope, &moment, &at_carrier);
        let Some(mut row) = page.into_iter().next() else {
            return Ok(Explained::Refused(Refusal::plain(Reason::DeviceNotFound)));
        };
        let conflict = Conflict::of(&request);
        let said = verdict(&target, conflict, &permit, &at_carrier, &row.facts);
        hide_what_is_not_theirs(&mut row, &permit);
        Ok(match (said, target, &row.facts.device) {
            (Verdict::Change, Ok(target), Some(device)) => {
                Explained::Change(Outside::of(&target, conflict, device).steps)
            }
            (Verdict::Change, ..) => Explained::Change(Vec::new()),
            (Verdict::NoChange(refusal), ..) => Explained::NoChange(refusal),
            (Verdict::Refused(refusal), ..) => Explained::Refused(refusal),
        })
    }

    /// Does what the request names exist, so that rows without wishes of their own can become it? None: it does, or the rows
    /// have to say. Not a row is written.
    ///
    /// # Errors
    /// The request as a whole is refused, or the database does not answer.
    pub async fn check_target(
        &self,
        caller: Caller,
        request: &AssociateCustomer,
    ) -> Result<Option<Refusal>, PlanRefusal> {
        let Surroundings { named, moment, rights, .. } = self.surroundings(&caller, request).await?;
        if request.customer.is_none() {
            return Ok(None);
        }
        let place = self.places.acquire().await.map_err(|_| PlanRefusal::Interrupted)?;
        let making = Making::new(BulkChangeId(self.ids.next()));
        let mut stage = Stage::open(&self.ledger, caller.tenant, making).await?;
        let facts = stage.named_facts(std::slice::from_ref(request)).await?;
        stage.close().await?;
        drop(place);
        let provider = named.as_ref().map_or(ServiceProviderId(uuid::Uuid::nil()), |provider| provider.id);
        let at_carriers = self.at_carriers(caller.tenant, named.as_slice(), request.carrier.activate.is_some()).await?;
        let at_carrier = at_carriers.get(&provider).cloned().unwrap_or_default();
        let target: Result<Target, Refusal> =
            resolve(request, provider, &facts.of(request), &rights.scope, &moment, &at_carrier);
        // Without a service provider it is not known yet whom a plan or a pool has to fit.
        let is_of_a_provider = |refusal: &Refusal| {
            named.is_none() && matches!(refusal.reason, Reason::PlanNotForCarrier | Reason::PoolMismatch)
        };
        Ok(target.err().filter(|refusal| !is_of_a_provider(refusal)))
    }
}
