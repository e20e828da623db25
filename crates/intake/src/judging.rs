//! Judging the staged rows of an assignment: what each row asks for is resolved once per distinct wish, each row is judged
//! once, and what rows are to become is stored once per distinct target.

use crate::accumulating::Accumulating;
use crate::planner::PlanRefusal;
use crate::progress::Progress;
use database::DatabaseError;
use database::stage::Stage;
use database::staged_row::{JudgedRow, RowsOf, StagedRow};
use domain::associate_customer::AssociateCustomer;
use domain::carrier::AtCarrier;
use domain::dates::Moment;
use domain::ids::{BulkChangeId, RevServiceId, ServiceProviderId};
use domain::line_request::LineRequest;
use domain::line_target::Line;
use domain::overrides::Overrides;
use domain::reason::{Reason, Refusal};
use domain::steps::{Outside, Step};
use domain::target::{Target, resolve};
use domain::verdict::{Conflict, Permit, Verdict, verdict};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Distinct wishes and targets that are remembered. When there are more, they are forgotten, and a target that comes again
/// is stored again under another number: nothing depends on its being stored once.
pub(crate) const MOST_REMEMBERED: usize = 10_000;

/// What is asked for, of whose SIMs, and when.
pub(crate) struct Asked<'a> {
    pub(crate) id: BulkChangeId,
    pub(crate) request: &'a AssociateCustomer,
    pub(crate) service_provider: Option<ServiceProviderId>,
    pub(crate) rows: RowsOf,
    pub(crate) permit: &'a Permit,
    pub(crate) at_carrier: &'a AtCarrier,
    pub(crate) moment: &'a Moment,
}

/// What rows ask for, resolved, by the JSON of their overrides; `""` for none.
pub(crate) type Resolved = HashMap<String, Wish>;

/// What a row asks for, resolved.
pub(crate) struct Wish {
    pub(crate) target: Result<Target, Refusal>,
    /// Is a line at Rev.io asked for?
    pub(crate) of_a_line: bool,
}

/// How lines at Rev.io are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// With everything else.
    Resolved,
    /// Left out: what is known of them is still to be read again.
    LeftOut,
}

/// Targets that are stored, by what they are.
#[derive(Default)]
struct Numbers {
    of: HashMap<Target, i32>,
    last: i32,
}

/// The existing lines that rows of an input take, and the row that does: a line bills one SIM.
pub(crate) type Taken = HashMap<RevServiceId, i32>;

/// Judges and stores every staged row of the change.
pub(crate) async fn judge(
    stage: &mut Stage,
    asked: &Asked<'_>,
    page_rows: i64,
    plan: &mut Accumulating,
    taken: &mut Taken,
    progress: &Progress,
) -> Result<(), PlanRefusal> {
    let conflict = Conflict::of(asked.request);
    let (mut resolved, mut numbers) = (Resolved::new(), Numbers::default());
    loop {
        let page = stage.page(asked.rows, asked.service_provider, plan.last_row(), page_rows).await?;
        if page.is_empty() {
            return Ok(());
        }
        resolve_wishes(stage, asked, &page, &mut resolved, Lines::Resolved).await?;
        let (mut fresh, mut judged) = (Vec::new(), Vec::with_capacity(page.len()));
        if numbers.of.len() > MOST_REMEMBERED {
            numbers.of.clear();
        }
        let first_number = numbers.last + 1;
        for mut row in page {
            let target = resolved.get(row.overrides.as_deref().unwrap_or_default());
            let missing = Err(Refusal::plain(Reason::CustomerNotFound));
            let target = target.map_or(&missing, |wish| &wish.target);
            let existing = match target {
                Ok(Target { line: Some(Line::Existing(line)), .. }) => Some(line.id),
                _ => None,
            };
            row.facts.line_taken_by = existing.and_then(|line| taken.get(&line).copied());
            let verdict = verdict(target, conflict, asked.permit, asked.at_carrier, &row.facts);
            if let Some(line) = existing.filter(|_| !matches!(verdict, Verdict::Refused(_))) {
                taken.insert(line, row.row_number);
            }
            let outside = match (&verdict, target, &row.facts.device) {
                (Verdict::Change, Ok(target), Some(device)) => Outside::of(target, conflict, device),
                _ => Outside::default(),
            };
            hide_what_is_not_theirs(&mut row, asked.permit);
            plan.see_at_carrier(row.facts.device.as_ref(), target.as_ref().ok());
            let (target_number, effective_date) = match (&verdict, target) {
                (Verdict::Change, Ok(target)) => {
                    plan.add_outside(&outside, Some(target));
                    let activated = activated_before(&row, &outside);
                    (numbers.number(target, &mut fresh), Some(effective_date(target, activated, asked.moment)))
                }
                _ => (0, None),
            };
            judged.push(JudgedRow { row, verdict, target_number, effective_date, outside, note: None });
        }
        if !fresh.is_empty() {
            fresh.iter().for_each(|target: &Target| plan.hash_target(&format!("{target:?}")));
            stage.add_targets(asked.id, first_number, &fresh).await?;
        }
        judged.iter().for_each(|row| plan.count(row));
        stage.store(asked.id, &judged).await?;
        progress.judged(judged.len());
    }
}

/// Of a SIM outside of the caller's sites a plan tells nothing: neither where it is, nor which one a number belongs to.
pub(crate) fn hide_what_is_not_theirs(row: &mut StagedRow, permit: &Permit) {
    if row.facts.device.as_ref().is_some_and(|device| !permit.scope_has(device)) {
        row.forget_device();
    }
}

impl Numbers {
    fn number(&mut self, target: &Target, fresh: &mut Vec<Target>) -> i32 {
        match self.of.entry(target.clone()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.last += 1;
                fresh.push(target.clone());
                *new.insert(self.last)
            }
        }
    }
}

/// When the carrier activated the SIM; one that is activated now was not.
fn activated_before(row: &StagedRow, outside: &Outside) -> Option<Timestamp> {
    let device = row.facts.device.as_ref().filter(|_| !outside.steps.contains(&Step::ActivateAtCarrier));
    device.and_then(|device| device.activated_at)
}

/// The date that was asked for, else the day the carrier activated the SIM, else today: what is billed begins then.
fn effective_date(target: &Target, activated: Option<Timestamp>, moment: &Moment) -> Date {
    target.effective.map(|e| e.date).or(activated.map(|at| moment.date_of(at))).unwrap_or_else(|| moment.today())
}

/// Resolves what the rows of a page ask for and was not resolved before. No statement if there is nothing new.
pub(crate) async fn resolve_wishes(
    stage: &mut Stage,
    asked: &Asked<'_>,
    page: &[StagedRow],
    resolved: &mut Resolved,
    lines: Lines,
) -> Result<(), PlanRefusal> {
    if resolved.len() > MOST_REMEMBERED {
        resolved.clear();
    }
    let mut fresh: HashMap<&str, (AssociateCustomer, bool)> = HashMap::new();
    for wish in page.iter().map(|row| row.overrides.as_deref().unwrap_or_default()) {
        if resolved.contains_key(wish) || fresh.contains_key(wish) {
            continue;
        }
        let overrides = if wish.is_empty() { Ok(Overrides::default()) } else { serde_json::from_str(wish) };
        let overrides: Overrides = overrides.map_err(|_| DatabaseError::Inconsistent {
            table: "staged_row",
            column: "overrides",
            value: wish.chars().take(64).collect(),
        })?;
        let mut request = overrides.over(asked.request);
        let of_a_line = request.line.create_rev_service || request.line.service_id.is_some();
        if lines == Lines::LeftOut {
            request.line = LineRequest::default();
        }
        fresh.insert(wish, (request, of_a_line));
    }
    if fresh.is_empty() {
        return Ok(());
    }
    // Without a service provider no device was found, and whose SIMs they would be is of no account.
    let provider = asked.service_provider.unwrap_or(ServiceProviderId(uuid::Uuid::nil()));
    let requests: Vec<AssociateCustomer> = fresh.values().map(|(request, _)| request.clone()).collect();
    let facts = stage.named_facts(&requests).await?;
    for (wish, (request, of_a_line)) in fresh {
        let target =
            resolve(&request, provider, &facts.of(&request), &asked.permit.scope, asked.moment, asked.at_carrier);
        resolved.insert(wish.to_owned(), Wish { target, of_a_line });
    }
    Ok(())
}
