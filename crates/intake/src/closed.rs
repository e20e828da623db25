//! Giving back what closed customers still have: an ordinary plan, which the mirror asks for and a person applies.

use crate::planner::{Input, PlanRefusal, Planner};
use database::rev_io::{devices_of_closed_customers, may_plan};
use domain::associate_customer::{AssociateCustomer, OnConflict};
use domain::ids::{BulkChangeId, TenantId};

/// Devices that are read at a time.
const AT_A_TIME: i64 = 5_000;

impl Planner {
    /// Plans to give back to nobody the devices of customers whose account at Rev.io was closed, if there are any and no such plan
    /// waits to be applied. They stay where they are until somebody applies it; then it is logged, and can be undone.
    ///
    /// # Errors
    /// See [`PlanRefusal`].
    pub async fn plan_for_closed_customers(&self, tenant: TenantId) -> Result<Option<BulkChangeId>, PlanRefusal> {
        let mut page = devices_of_closed_customers(&self.ledger, tenant, None, AT_A_TIME).await?;
        if page.is_empty() {
            return Ok(None);
        }
        let Some((caller, nobody)) = may_plan(&self.ledger, tenant, &self.ids).await? else { return Ok(None) };
        let mut writing = self.spool.begin(self.ids.next()).await?;
        writing.write(b"iccid\n").await?;
        while let Some((last, _)) = page.last() {
            let lines: String = page.iter().map(|(_, iccid)| format!("{iccid}\n")).collect();
            writing.write(lines.as_bytes()).await?;
            page = devices_of_closed_customers(&self.ledger, tenant, Some(*last), AT_A_TIME).await?;
        }
        let request = AssociateCustomer {
            customer: Some(nobody.to_string()),
            on_conflict: OnConflict::Replace,
            reference: Some("closed at Rev.io".to_owned()),
            ..AssociateCustomer::default()
        };
        let input = Input { spooled: writing.finish().await?, name: Some("closed at Rev.io".to_owned()) };
        let planning = self.begin(caller, request, input).await?;
        let id = planning.id();
        planning.run().await?;
        Ok(Some(id))
    }
}
