//! Planning a finished change backwards: an ordinary plan, made from its history instead of from an input.

use crate::accumulating::Accumulating;
use crate::judging::{MOST_REMEMBERED, hide_what_is_not_theirs};
use crate::planner::PlanRefusal;
use crate::progress::Progress;
use database::stage::Stage;
use database::staged_row::JudgedRow;
use database::undo::{DoneRow, Restored};
use domain::ids::BulkChangeId;
use domain::steps::Outside;
use domain::undo::undo_verdict;
use domain::verdict::{Permit, Verdict};
use std::collections::HashMap;

/// Judges and stores every row that the change had done, under the numbers they had there.
pub(crate) async fn judge(
    stage: &mut Stage,
    id: BulkChangeId,
    of: BulkChangeId,
    page_rows: i64,
    permit: &Permit,
    plan: &mut Accumulating,
    progress: &Progress,
) -> Result<(), PlanRefusal> {
    // One target per distinct place to go back to: usually a handful, whatever the number of devices. When there are many,
    // those that are stored are forgotten, and one that comes again is stored again.
    let (mut numbers, mut last) = (HashMap::<Restored, i32>::new(), 0);
    loop {
        let page = stage.done_rows(of, plan.last_row(), page_rows).await?;
        if page.is_empty() {
            return Ok(());
        }
        let (mut fresh, mut judged) = (Vec::new(), Vec::with_capacity(page.len()));
        if numbers.len() > MOST_REMEMBERED {
            numbers.clear();
        }
        let first = last + 1;
        for DoneRow { mut row, facts } in page {
            let verdict = undo_verdict(&facts, permit);
            let outside = if verdict == Verdict::Change { Outside::of_undo(&facts) } else { Outside::default() };
            plan.add_outside(&outside, None);
            hide_what_is_not_theirs(&mut row, permit);
            let target_number = match (&verdict, facts.before) {
                (Verdict::Change, Some(before)) => {
                    let was = before.assignment;
                    let target =
                        Restored { site: was.site, plan: was.plan, pool: was.pool, allocation: was.allocation };
                    *numbers.entry(target.clone()).or_insert_with(|| {
                        fresh.push(target);
                        last += 1;
                        last
                    })
                }
                _ => 0,
            };
            let row = JudgedRow { verdict, row, target_number, effective_date: None, outside };
            plan.count(&row);
            judged.push(row);
        }
        if !fresh.is_empty() {
            stage.add_restored_targets(id, first, &fresh).await?;
        }
        stage.store(id, &judged).await?;
        progress.judged(judged.len());
    }
}
