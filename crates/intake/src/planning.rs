//! A plan that was begun is read, staged, judged and stored to its end, page by page; never all of it in memory.

use crate::accumulating::Accumulating;
use crate::csv_file::{InputRefusal, MOST_RECORDS_BYTES, MOST_ROWS};
use crate::judging::{self, Asked, Taken};
use crate::planner::{PlanRefusal, Planner};
use crate::progress::Progress;
use crate::row_reader::RowReader;
use crate::spool::Kept;
use database::api_key::Caller;
use database::copy_lines::CopyLines;
use database::plan::{FinishedPlan, Making, NewPlan, Origin};
use database::service_provider::ServiceProvider;
use database::stage::Stage;
use database::staged_row::RowsOf;
use database::{DatabaseError, Ledger};
use domain::associate_customer::AssociateCustomer;
use domain::dates::Moment;
use domain::ids::{BulkChangeId, ServiceProviderId};
use domain::rights::Rights;
use domain::verdict::Permit;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often a plan that is being made says how far it is, and that it is alive.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// A plan that was begun: it has an id, and is PLANNING until [`Planning::run`] ends.
#[derive(Debug)]
pub struct Planning {
    pub(crate) planner: Planner,
    pub(crate) caller: Caller,
    pub(crate) making: Making,
    pub(crate) work: Work,
    pub(crate) kept: Kept,
}

/// What the rows are and what is asked for them.
#[derive(Debug)]
pub(crate) enum Work {
    /// Assign them; the input is a workbook that is still to be opened, which takes long.
    Open {
        /// What is asked for.
        request: Box<AssociateCustomer>,
        /// What the file was called.
        input_name: Option<String>,
    },
    /// Assign them.
    Assign(Box<Assign>),
    /// Take back what a finished change did.
    Undo {
        /// That change.
        of: BulkChangeId,
        /// What the caller may do with its SIMs.
        permit: Permit,
    },
}

/// An assignment that is understood as a whole; its rows are still to be read.
#[derive(Debug)]
pub(crate) struct Assign {
    pub(crate) request: AssociateCustomer,
    pub(crate) input_name: Option<String>,
    pub(crate) input_columns: Value,
    /// The one service provider of all rows, if there is one.
    pub(crate) only: Option<ServiceProvider>,
    pub(crate) providers: Vec<ServiceProvider>,
    pub(crate) moment: Moment,
    pub(crate) rights: Rights,
    pub(crate) rows: Rows,
}

/// Where the rows come from.
#[derive(Debug)]
pub(crate) enum Rows {
    /// An upload.
    Read(Box<RowReader>),
    /// The rows of a finished change that were not done.
    Unfinished(BulkChangeId),
}

impl Assign {
    /// The plan as it begins.
    pub(crate) fn new_plan(
        &self,
        id: BulkChangeId,
        service_provider: Option<ServiceProviderId>,
        linked_to: Option<BulkChangeId>,
        origin: Option<Origin>,
    ) -> NewPlan<'_> {
        NewPlan {
            id,
            service_provider,
            request: serde_json::to_value(&self.request).unwrap_or_default(),
            reference: self.request.reference.as_deref(),
            input_name: self.input_name.as_deref(),
            input_columns: self.input_columns.clone(),
            // It was read once before the plan began.
            start_at: self.request.start_at.as_deref().and_then(|text| self.moment.start_at(text).ok()),
            linked_to,
            origin,
        }
    }
}

impl Planning {
    /// The plan's id.
    #[must_use]
    pub const fn id(&self) -> BulkChangeId {
        self.making.id
    }

    /// Reads, judges and stores every row; the plan is PLANNED after this, or PLAN_FAILED with the reason.
    ///
    /// # Errors
    /// See [`PlanRefusal`]; the plan says the same.
    pub async fn run(self) -> Result<(), PlanRefusal> {
        let Self { planner, caller, making, work, kept } = self;
        let id = making.id;
        let progress = Progress::default();
        let places = Arc::clone(&planner.places);
        let mut result = tokio::select! {
            // Large inputs take turns: each holds a connection for as long as it takes.
            judged = async {
                let _place = places.acquire().await.map_err(|_| PlanRefusal::Interrupted)?;
                judge_all(&planner, caller, making, work, kept.upload(), &progress).await
            } => judged,
            lost = keep_alive(&planner.ledger, caller, making, &progress) => Err(lost),
        };
        if let Ok(plans) = &result {
            let finished =
                database::plan::finish(&planner.ledger, &caller, making, plans, planner.settings.expires_in).await;
            result = finished.map(|()| Vec::new()).map_err(PlanRefusal::from);
        }
        // The database was not there, or somebody else makes it now: the note stays, and whoever finds the lease run out
        // begins again from it.
        let goes_on = match &result {
            Err(PlanRefusal::TakenOver | PlanRefusal::Database(DatabaseError::PlanNotReady)) => true,
            Err(PlanRefusal::Database(error)) => error.is_outage(),
            _ => false,
        };
        if goes_on {
            tracing::warn!(bulk_change.id = %id, "planning stopped in the middle");
            return result.map(|_| ());
        }
        if let Err(refusal) = &result {
            let tenant = caller.tenant;
            tracing::warn!(bulk_change.id = %id, tenant.id = %tenant, error = refusal as &dyn std::error::Error, "planning failed");
            let why = match refusal {
                PlanRefusal::Database(_) => "The database was not available; send the input again.".to_owned(),
                other => other.to_string(),
            };
            // If even this cannot be written, the plan's own lease runs out and says so.
            drop(database::plan::fail(&planner.ledger, tenant, making, &why).await);
        }
        kept.done();
        result.map(|_| ())
    }
}

async fn judge_all(
    planner: &Planner,
    caller: Caller,
    making: Making,
    work: Work,
    upload: Option<&Path>,
    progress: &Progress,
) -> Result<Vec<FinishedPlan>, PlanRefusal> {
    let id = making.id;
    let work = match work {
        Work::Open { request, input_name } => {
            let path = upload.ok_or(PlanRefusal::Interrupted)?;
            let assign = planner.open(&caller, *request, path, input_name).await?;
            let only = assign.only.as_ref().map(|provider| provider.id);
            database::plan::describe(&planner.ledger, caller.tenant, making, only, &assign.input_columns).await?;
            Work::Assign(Box::new(assign))
        }
        work => work,
    };
    let mut stage = Stage::open(&planner.ledger, caller.tenant, making).await?;
    let plans = match work {
        Work::Undo { of, permit } => {
            let mut plan = Accumulating::new(id, None, planner.settings.chunk_rows);
            crate::undo::judge(&mut stage, id, of, planner.settings.page_rows, &permit, &mut plan, progress).await?;
            vec![plan.finish()]
        }
        Work::Assign(assign) => judge_assign(planner, caller, id, *assign, &mut stage, progress).await?,
        Work::Open { .. } => return Err(PlanRefusal::Interrupted),
    };
    stage.close().await?;
    Ok(plans)
}

async fn judge_assign(
    planner: &Planner,
    caller: Caller,
    id: BulkChangeId,
    mut assign: Assign,
    stage: &mut Stage,
    progress: &Progress,
) -> Result<Vec<FinishedPlan>, PlanRefusal> {
    let rows = std::mem::replace(&mut assign.rows, Rows::Unfinished(id));
    stage_rows(stage, rows, progress).await?;
    let mut parts = Vec::new();
    if let Some(only) = &assign.only {
        stage.match_devices(std::slice::from_ref(only)).await?;
        parts.push((id, Some(only.id), RowsOf::All));
    } else {
        stage.match_devices(&assign.providers).await?;
        // The plan that has the upload is the first one's.
        let mut found = stage.sort_by_provider().await?.into_iter();
        parts.push(found.next().map_or((id, None, RowsOf::All), |first| (id, Some(first), RowsOf::Provider(first))));
        for other in found {
            let linked = BulkChangeId(planner.ids.next());
            let plan = assign.new_plan(linked, Some(other), Some(id), None);
            database::plan::begin(&planner.ledger, &caller, &plan).await?;
            parts.push((linked, Some(other), RowsOf::Provider(other)));
        }
    }
    let (mut plans, mut taken) = (Vec::with_capacity(parts.len()), Taken::new());
    for (id, service_provider, rows) in parts {
        let theirs = assign.providers.iter().find(|provider| Some(provider.id) == service_provider);
        let permit = Permit {
            // Rows that have no service provider are refused for that, and nothing is assigned.
            may_assign: theirs.is_none_or(|provider| assign.rights.may_assign_at(&provider.integration)),
            scope: assign.rights.scope.clone(),
        };
        let (request, moment) = (&assign.request, &assign.moment);
        let asked = Asked { id, request, service_provider, rows, permit: &permit, moment };
        let mut plan = Accumulating::new(id, service_provider, planner.settings.chunk_rows);
        judging::judge(stage, &asked, planner.settings.page_rows, &mut plan, &mut taken, progress).await?;
        plans.push(plan.finish());
    }
    Ok(plans)
}

/// Renews the plan's lease for as long as it is being made; ends only if somebody took the planner for dead.
async fn keep_alive(ledger: &Ledger, caller: Caller, making: Making, progress: &Progress) -> PlanRefusal {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let (read, judged) = progress.so_far();
        // A database that is away for a moment may be back before the lease runs out.
        if matches!(database::plan::renew(ledger, caller.tenant, making, read, judged).await, Ok(false)) {
            return PlanRefusal::TakenOver;
        }
    }
}

async fn stage_rows(stage: &mut Stage, rows: Rows, progress: &Progress) -> Result<(), PlanRefusal> {
    match rows {
        Rows::Unfinished(of) => {
            let copied = stage.copy_unfinished(of).await?;
            progress.read(i32::try_from(copied).unwrap_or(i32::MAX));
            crate::results::restage_records(stage, of).await
        }
        Rows::Read(reader) => {
            let (send, receive) = mpsc::channel(4);
            let progress = progress.clone();
            let reading = tokio::task::spawn_blocking(move || read_all(*reader, &send, &progress));
            let copied = stage.copy(receive).await;
            reading.await.map_err(|_| PlanRefusal::Interrupted)??;
            copied?;
            Ok(())
        }
    }
}

/// Reads the whole input into COPY lines, block by block. Runs on a thread that may block.
fn read_all(mut reader: RowReader, send: &mpsc::Sender<CopyLines>, progress: &Progress) -> Result<(), InputRefusal> {
    let (mut block, mut bytes) = (CopyLines::default(), 0_usize);
    while let Some(row) = reader.read_row()? {
        if row.row_number > MOST_ROWS {
            return Err(InputRefusal::TooManyRows);
        }
        bytes = bytes.saturating_add(row.record.as_ref().map_or(0, String::len));
        if bytes > MOST_RECORDS_BYTES {
            return Err(InputRefusal::TooManyBytes);
        }
        block.push(&row);
        if block.len() > 256 * 1024 {
            progress.read(row.row_number);
            // Nobody receives any more when the database went away, and the copy itself says why.
            if send.blocking_send(std::mem::take(&mut block)).is_err() {
                return Ok(());
            }
        }
    }
    if !block.is_empty() {
        drop(send.blocking_send(block));
    }
    Ok(())
}
