//! Planning a finished change backwards: an ordinary plan, made from its history instead of from an input.

use crate::accumulating::Accumulating;
use crate::judging::{MOST_REMEMBERED, hide_what_is_not_theirs};
use crate::planner::PlanRefusal;
use crate::progress::Progress;
use database::stage::Stage;
use database::staged_row::JudgedRow;
use database::undo::{DoneRow, Restored};
use domain::carrier::AtCarrier;
use domain::ids::BulkChangeId;
use domain::steps::Outside;
use domain::undo::{STAYS_ACTIVE, undo_verdict};
use domain::verdict::{Permit, Verdict};
use std::collections::HashMap;

/// Judges and stores every row that the change had done, under the numbers they had there.
pub(crate) async fn judge(
    stage: &mut Stage,
    (id, of): (BulkChangeId, BulkChangeId),
    page_rows: i64,
    (permit, at_carrier): (&Permit, &AtCarrier),
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
            let verdict = undo_verdict(&facts, permit, at_carrier);
            let outside = if verdict == Verdict::Change { Outside::of_undo(&facts) } else { Outside::default() };
            plan.add_outside(&outside, None);
            let plan_back =
                facts.carried.plan_goes_back(facts.device.as_ref()).filter(|_| verdict == Verdict::Change).cloned();
            if let Some(before) = &plan_back {
                // Which carrier it is shows with the first SIM that something is asked of it for.
                plan.ask_carrier(at_carrier);
                plan.see_plan_back(facts.device.as_ref(), &before.code);
            }
            let note = (facts.carried.activated && verdict == Verdict::Change).then_some(STAYS_ACTIVE);
            plan.stays_active(note.is_some());
            hide_what_is_not_theirs(&mut row, permit);
            let target_number = match (&verdict, facts.before) {
                (Verdict::Change, Some(before)) => {
                    let was = before.assignment;
                    let target = Restored {
                        site: was.site,
                        plan: was.plan,
                        pool: was.pool,
                        allocation: was.allocation,
                        carrier_plan: plan_back.map(|before| before.id),
                    };
                    *numbers.entry(target.clone()).or_insert_with(|| {
                        fresh.push(target);
                        last += 1;
                        last
                    })
                }
                _ => 0,
            };
            let row = JudgedRow { verdict, row, target_number, effective_date: None, outside, note };
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
