//! Row by row: does the plan say what the example says, does the ledger say what the plan said, do the tables say it too?

use super::example::Row;
use crate::client::Api;
use database::Server;
use database::proof::{Agreement, agreement, broken_invariants};
use domain::ids::{BulkChangeId, TenantId};
use serde_json::Value;
use uuid::Uuid;

/// The differences found; empty is proof.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    pub(crate) found: Vec<String>,
    count: usize,
}

impl Differences {
    pub(crate) fn add(&mut self, difference: String) {
        self.count += 1;
        if self.found.len() < 10 {
            self.found.push(difference);
        }
    }

    pub(crate) const fn none(&self) -> bool {
        self.count == 0
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }
}

/// The plan's rows against what must come of them.
pub(crate) async fn plan_is_as_expected(
    api: &Api,
    id: &str,
    rows: &[Row],
    replace: bool,
    differences: &mut Differences,
) -> anyhow::Result<()> {
    let mut next = 0;
    api.each(&format!("/plans/{id}/rows"), &[], None, |row| {
        next += 1;
        let Some(expected) = row["row"].as_u64().and_then(|n| rows.get(usize::try_from(n).ok()?.checked_sub(1)?))
        else {
            differences.add(format!("the plan has a row the file has not: {row}"));
            return Ok(());
        };
        let wanted = expected.expected(replace);
        if row["verdict"] != wanted.verdict || row["reason"].as_str() != wanted.reason {
            differences.add(format!(
                "row {}: planned {} {}, expected {} {}",
                row["row"],
                row["verdict"],
                row["reason"],
                wanted.verdict,
                wanted.reason.unwrap_or("null")
            ));
        }
        Ok(())
    })
    .await?;
    if next != rows.len() {
        differences.add(format!("the plan has {next} rows, the file {}", rows.len()));
    }
    Ok(())
}

/// The ledger's rows against the plan's, and the tables against the ledger.
pub(crate) async fn ledger_and_tables_agree(
    api: &Api,
    server: &Server,
    tenant: TenantId,
    change: &Value,
    rows: &[Row],
    replace: bool,
    differences: &mut Differences,
) -> anyhow::Result<()> {
    let id = change["id"].as_str().unwrap_or_default();
    let mut processed = 0_i64;
    api.each(&format!("/bulk-changes/{id}/rows"), &[], None, |row| {
        let expected = row["row"].as_u64().and_then(|n| rows.get(usize::try_from(n).ok()?.checked_sub(1)?));
        let wanted = match expected.map(|row| row.expected(replace).verdict) {
            Some("CHANGE") => "PROCESSED",
            Some(other) => other,
            None => "nothing",
        };
        processed += i64::from(row["status"] == "PROCESSED");
        if row["status"] != wanted {
            differences.add(format!("row {}: the ledger says {}, expected {wanted}", row["row"], row["status"]));
        }
        Ok(())
    })
    .await?;
    let Agreement { processed: stored, agree, touched_without_saying } =
        agreement(server, tenant, BulkChangeId(Uuid::parse_str(id)?)).await?;
    if (stored, agree, touched_without_saying) != (processed, processed, 0) || change["counts"]["ok"] != processed {
        differences.add(format!("of {processed} rows PROCESSED the tables agree on {agree}; {touched_without_saying} other rows were touched; counts say {}", change["counts"]["ok"]));
    }
    for broken in broken_invariants(server).await? {
        differences.add(format!("not true of {} rows: {}", broken.rows, broken.invariant));
    }
    Ok(())
}
