//! Agents of a partner, and the devices that it gives them: `give_devices` and `take_back_devices`, one statement a block.

use crate::api_key::Caller;
use crate::written::{WriteRefusal, Written};
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{ServiceProviderId, TenantId};
use uuid::Uuid;

/// An agent, as its partner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its tenant's id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Devices that it has of its partner.
    pub devices: i64,
    /// Of them, those that it has assigned to customers of its own.
    pub assigned: i64,
}

/// A page of a partner's agents in the order of ids, after this one. Each is read in its own tenant.
///
/// # Errors
/// The database does not answer.
pub async fn list(ledger: &Ledger, partner: TenantId, after: Option<Uuid>, limit: i64) -> Result<Vec<Agent>> {
    let ids = sqlx::query_scalar!(
        "select id from app.tenant where parent_tenant_id = $1 and ($2::uuid is null or id > $2) order by id limit $3",
        partner.0,
        after,
        limit
    )
    .fetch_all(&ledger.dispatcher)
    .await?;
    let mut agents = Vec::with_capacity(ids.len());
    for id in ids {
        let mut transaction = ledger.web(TenantId(id)).await?;
        let row = sqlx::query!(
            r#"select t.name, count(dt.device_id) as "devices!", count(dt.device_id) filter (where not s.is_system_default) as "assigned!"
               from app.tenant t
               left join app.device_tenant dt on dt.tenant_id = t.id and dt.device_owner_tenant_id = $2
               left join app.site s on s.tenant_id = dt.tenant_id and s.id = dt.site_id
               where t.id = $1 group by t.name"#,
            id,
            partner.0
        )
        .fetch_one(&mut *transaction)
        .await?;
        agents.push(Agent { id: TenantId(id), name: row.name, devices: row.devices, assigned: row.assigned });
    }
    Ok(agents)
}

/// Is it an agent of this partner?
///
/// # Errors
/// The database does not answer.
pub async fn is_agent(ledger: &Ledger, partner: TenantId, agent: TenantId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from app.tenant where id = $2 and parent_tenant_id = $1) as "found!""#,
        partner.0,
        agent.0
    )
    .fetch_one(&ledger.dispatcher)
    .await?;
    Ok(found)
}

/// A device that somebody names.
#[derive(Clone, Debug)]
pub struct NamedDevice {
    /// Its row in the file.
    pub row: i32,
    /// As the carrier prints it.
    pub iccid: String,
    /// The same number with its check digit, or without.
    pub other_form: Option<String>,
}

/// What is done with devices that are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Giving {
    /// The agent gets them.
    Give,
    /// The agent loses them; also those that it has assigned to its customers?
    TakeBack {
        /// Then they are taken from its customers.
        even_if_assigned: bool,
    },
}

/// Gives devices to an agent, or takes them back: one transaction. `created` are given, `updated` taken back; those that the agent
/// had, or had not, are in neither.
///
/// # Errors
/// `PlanNotFound`: the partner has no such agent. The database does not answer.
pub async fn give(
    ledger: &Ledger,
    caller: &Caller,
    agent: TenantId,
    provider: Option<ServiceProviderId>,
    giving: Giving,
    devices: &[NamedDevice],
) -> Result<Written> {
    let rows: Vec<i32> = devices.iter().map(|device| device.row).collect();
    let iccids: Vec<String> = devices.iter().map(|device| device.iccid.clone()).collect();
    let others: Vec<Option<String>> = devices.iter().map(|device| device.other_form.clone()).collect();
    let (tenant, provider, actor) = (caller.tenant.0, provider.map(|provider| provider.0), caller.actor());
    let mut transaction = ledger.web(caller.tenant).await?;
    let outcomes: Vec<(i32, String, Option<String>)> = match giving {
        Giving::Give => sqlx::query!(
            r#"select row_number as "row!", outcome as "outcome!", detail from app.give_devices($1, $2, $3, $4, $5, $6, $7)"#,
            tenant,
            agent.0,
            provider,
            &rows,
            &iccids,
            &others as &[Option<String>],
            actor
        )
        .fetch_all(&mut *transaction)
        .await?
        .into_iter()
        .map(|row| (row.row, row.outcome, row.detail))
        .collect(),
        Giving::TakeBack { even_if_assigned } => sqlx::query!(
            r#"select row_number as "row!", outcome as "outcome!", detail from app.take_back_devices($1, $2, $3, $4, $5, $6, $7, $8)"#,
            tenant,
            agent.0,
            provider,
            &rows,
            &iccids,
            &others as &[Option<String>],
            even_if_assigned,
            actor
        )
        .fetch_all(&mut *transaction)
        .await?
        .into_iter()
        .map(|row| (row.row, row.outcome, row.detail))
        .collect(),
    };
    let mut written = Written::default();
    for (row, outcome, detail) in outcomes {
        let refusal = match outcome.as_str() {
            "GIVEN" => {
                written.created += 1;
                continue;
            }
            "TAKEN" => {
                written.updated += 1;
                continue;
            }
            "SAME" => continue,
            "NOT_FOUND" => WriteRefusal::DeviceNotFound,
            "STORED_AS" => WriteRefusal::StoredAs(detail.unwrap_or_default()),
            "AMBIGUOUS" => WriteRefusal::DeviceAmbiguous,
            "ARCHIVED" => WriteRefusal::DeviceArchived,
            "ANOTHER_AGENT" => WriteRefusal::WithAnotherAgent,
            "ASSIGNED" => WriteRefusal::AssignedByAgent,
            "LOCKED" => WriteRefusal::UnderWay,
            _ => return Err(DatabaseError::Inconsistent { table: "device_tenant", column: "outcome", value: outcome }),
        };
        written.refused.push((row, refusal));
    }
    transaction.commit().await?;
    Ok(written)
}
