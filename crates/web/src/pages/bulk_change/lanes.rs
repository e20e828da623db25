//! The steps of a change as lanes. A change that does nothing outside has one step, and none is drawn.

use super::super::visitor::Member;
use super::super::wording::{grouped, step_name};
use crate::App;
use crate::problem::Problem;
use database::bulk_change::BulkChange;

/// A step, and how many rows stand where of it.
pub(super) struct Lane {
    pub(super) name: &'static str,
    pub(super) rows: String,
    pub(super) done: i64,
    pub(super) all: i64,
    /// Each with its word and tone; what is nobody's is left out.
    pub(super) parts: Vec<(String, &'static str, &'static str)>,
}

/// The lanes of a change; none: it has one step, or it is large and still runs.
pub(super) async fn lanes(app: &App, member: &Member, change: &BulkChange) -> Result<Vec<Lane>, Problem> {
    let has_several = change.outside["steps"].as_object().is_some_and(|steps| !steps.is_empty());
    if !has_several || !(change.status.is_finished() || change.counts.planned <= super::RANKED_WHILE_RUNNING) {
        return Ok(Vec::new());
    }
    let found = database::lanes::lanes(&app.ledger, member.caller().0.tenant, change.id.0).await?;
    let one = |lane: database::lanes::Lane| {
        let all = [
            (lane.done, "done", "good"),
            (lane.under_way, "under way", "calm"),
            (lane.waiting, "waiting", "calm"),
            (lane.failed, "failed", "bad"),
            (lane.needs_attention, "need attention", "warn"),
            (lane.left, "not done", "calm"),
        ];
        Lane {
            name: step_name(lane.step),
            rows: grouped(lane.rows),
            done: lane.done,
            all: lane.rows,
            parts: all
                .into_iter()
                .filter(|(rows, ..)| *rows > 0)
                .map(|(n, word, tone)| (grouped(n), word, tone))
                .collect(),
        }
    };
    Ok(found.into_iter().map(one).collect())
}
