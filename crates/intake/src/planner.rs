//! Making a plan: names resolved, rows staged, matched, judged and stored, page by page; never all of them in memory.

use crate::accumulating::Accumulating;
use crate::csv_file::{Cell, CsvFile, InputRefusal, MOST_ROWS};
use crate::spool::Spooled;
use database::api_key::Caller;
use database::bulk_change::BulkChange;
use database::plan::{FinishedPlan, NewPlan, Origin};
use database::stage::{CopyLines, JudgedRow, Stage, StagedRow};
use database::{DatabaseError, Ledger};
use domain::associate_customer::{AssociateCustomer, OnConflict};
use domain::identifier::{Column, Identifier};
use domain::ids::{BulkChangeId, Ids, ServiceProviderId};
use domain::reason::Refusal;
use domain::target::{Target, resolve};
use domain::verdict::verdict;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

/// Sizes and times of planning.
#[derive(Clone, Copy, Debug)]
pub struct PlannerSettings {
    /// Rows to change per chunk.
    pub chunk_rows: i32,
    /// Rows judged and stored at a time.
    pub page_rows: i64,
    /// For how long a plan may be applied.
    pub expires_in: Duration,
}

impl Default for PlannerSettings {
    fn default() -> Self {
        Self { chunk_rows: 1_000, page_rows: 5_000, expires_in: Duration::from_secs(24 * 3600) }
    }
}

/// Where the devices come from.
#[derive(Debug)]
pub enum Input {
    /// A spooled CSV file.
    Csv {
        /// The file; kept until planning is over.
        spooled: Spooled,
        /// What it was called.
        name: Option<String>,
    },
    /// A short list that came inside the request.
    List(Vec<String>),
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanRefusal {
    /// The request names a service provider that this tenant has not.
    #[error("there is no service provider {0:?}")]
    ServiceProviderNotFound(String),
    /// The input as a whole cannot be planned from.
    #[error(transparent)]
    Input(#[from] InputRefusal),
    /// There is no such bulk change in this tenant.
    #[error("there is no such bulk change")]
    ChangeNotFound,
    /// Only what is over can be retried or taken back.
    #[error("the bulk change is not finished yet")]
    ChangeNotFinished,
    /// Every row was done.
    #[error("no row failed, was skipped or was cancelled; there is nothing to retry")]
    NothingToRetry,
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The task that read the input ended without a word.
    #[error("reading the input was interrupted")]
    Interrupted,
}

/// Makes plans.
#[derive(Clone, Debug)]
pub struct Planner {
    ledger: Ledger,
    ids: Ids,
    settings: PlannerSettings,
    places: Arc<Semaphore>,
}

/// Plans that are being made at a time; each holds one of the web role's connections.
const PLACES: usize = 4;

/// A plan that was begun: it has an id, and is PLANNING until [`Planning::run`] ends.
#[derive(Debug)]
pub struct Planning {
    pub(crate) planner: Planner,
    pub(crate) caller: Caller,
    pub(crate) id: BulkChangeId,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Assign {
        service_provider: ServiceProviderId,
        on_conflict: OnConflict,
        target: Box<Result<Target, Refusal>>,
        rows: Rows,
    },
    Undo {
        of: BulkChangeId,
    },
}

#[derive(Debug)]
enum Rows {
    /// The file on disk goes when this does.
    Csv {
        file: Box<CsvFile>,
        _spooled: Spooled,
    },
    List(std::vec::IntoIter<String>),
    /// The rows of a finished change that were not done.
    Unfinished(BulkChangeId),
}

impl Planner {
    /// Plans into this ledger.
    #[must_use]
    pub fn new(ledger: Ledger, ids: Ids, settings: PlannerSettings) -> Self {
        Self { ledger, ids, settings, places: Arc::new(Semaphore::new(PLACES)) }
    }

    /// Checks the input as a whole, resolves the names of the request and begins the plan. Nothing is judged yet.
    ///
    /// # Errors
    /// See [`PlanRefusal`].
    pub async fn begin(
        &self,
        caller: Caller,
        request: &AssociateCustomer,
        input: Input,
    ) -> Result<Planning, PlanRefusal> {
        let (rows, input_name) = match input {
            Input::Csv { spooled, name } => {
                let path = spooled.path().to_owned();
                let opening = tokio::task::spawn_blocking(move || CsvFile::open(&path));
                let file = Box::new(opening.await.map_err(|_| PlanRefusal::Interrupted)??);
                (Rows::Csv { file, _spooled: spooled }, name)
            }
            Input::List(cells) if cells.is_empty() => return Err(InputRefusal::NoRows.into()),
            Input::List(cells) => (Rows::List(cells.into_iter()), None),
        };
        self.begin_assign(caller, request, rows, input_name.as_deref(), None).await
    }

    /// Begins a plan of the rows of a finished change that were not done, with its request, from fresh verdicts.
    ///
    /// # Errors
    /// `ChangeNotFound`, `ChangeNotFinished`, `NothingToRetry`, or the database.
    pub async fn begin_retry(&self, caller: Caller, of: Uuid) -> Result<Planning, PlanRefusal> {
        let change = self.finished(&caller, of).await?;
        if change.undo_of.is_some() {
            // The undo of the same change again judges the same rows afresh.
            return self.begin_undo_of(caller, change.undo_of.unwrap_or(change.id), &change).await;
        }
        if change.counts.failed + change.counts.skipped + change.counts.cancelled == 0 {
            return Err(PlanRefusal::NothingToRetry);
        }
        let request: AssociateCustomer =
            serde_json::from_value(change.request.clone()).map_err(|_| PlanRefusal::Interrupted)?;
        let name = change.input_name.as_deref();
        self.begin_assign(caller, &request, Rows::Unfinished(change.id), name, Some(Origin::RetryOf(change.id))).await
    }

    /// Begins a plan that takes a finished change back, row by row.
    ///
    /// # Errors
    /// `ChangeNotFound`, `ChangeNotFinished`, or the database.
    pub async fn begin_undo(&self, caller: Caller, of: Uuid) -> Result<Planning, PlanRefusal> {
        let change = self.finished(&caller, of).await?;
        self.begin_undo_of(caller, change.id, &change).await
    }

    async fn begin_undo_of(
        &self,
        caller: Caller,
        of: BulkChangeId,
        change: &BulkChange,
    ) -> Result<Planning, PlanRefusal> {
        let id = BulkChangeId(self.ids.next());
        let plan = NewPlan {
            id,
            service_provider: change.service_provider.0,
            request: serde_json::json!({ "undo_of": of }),
            reference: change.reference.as_deref(),
            input_name: None,
            target: None,
            origin: Some(Origin::UndoOf(of)),
        };
        database::plan::begin(&self.ledger, &caller, &plan).await?;
        Ok(Planning { planner: self.clone(), caller, id, work: Work::Undo { of } })
    }

    async fn finished(&self, caller: &Caller, id: Uuid) -> Result<BulkChange, PlanRefusal> {
        let found = database::bulk_change::get(&self.ledger, caller.tenant, id).await?;
        let change = found.filter(|change| change.applied_at.is_some()).ok_or(PlanRefusal::ChangeNotFound)?;
        if change.status.is_finished() { Ok(change) } else { Err(PlanRefusal::ChangeNotFinished) }
    }

    async fn begin_assign(
        &self,
        caller: Caller,
        request: &AssociateCustomer,
        rows: Rows,
        input_name: Option<&str>,
        origin: Option<Origin>,
    ) -> Result<Planning, PlanRefusal> {
        let named = database::service_provider::named(&self.ledger, caller.tenant, &request.service_provider).await?;
        let provider = named.ok_or_else(|| PlanRefusal::ServiceProviderNotFound(request.service_provider.clone()))?;
        let facts = database::customer::target_facts(&self.ledger, caller.tenant, request).await?;
        let target = resolve(request, provider.id, &facts);
        let id = BulkChangeId(self.ids.next());
        let plan = NewPlan {
            id,
            service_provider: provider.id,
            request: serde_json::to_value(request).map_err(|_| PlanRefusal::Interrupted)?,
            reference: request.reference.as_deref(),
            input_name,
            target: target.as_ref().ok(),
            origin,
        };
        database::plan::begin(&self.ledger, &caller, &plan).await?;
        let work = Work::Assign {
            service_provider: provider.id,
            on_conflict: request.on_conflict,
            target: Box::new(target),
            rows,
        };
        Ok(Planning { planner: self.clone(), caller, id, work })
    }
}

impl Planning {
    /// The plan's id.
    #[must_use]
    pub const fn id(&self) -> BulkChangeId {
        self.id
    }

    /// Reads, judges and stores every row; the plan is PLANNED after this, or PLAN_FAILED with the reason.
    ///
    /// # Errors
    /// See [`PlanRefusal`]; the plan says the same.
    pub async fn run(self) -> Result<(), PlanRefusal> {
        let (ledger, caller, id) = (self.planner.ledger.clone(), self.caller, self.id);
        let expires_in = self.planner.settings.expires_in;
        let places = Arc::clone(&self.planner.places);
        let mut result = tokio::select! {
            // Large inputs take turns: each holds a connection for as long as it takes.
            judged = async {
                let _place = places.acquire().await.map_err(|_| PlanRefusal::Interrupted)?;
                self.judge_all().await
            } => judged,
            lost = keep_alive(&ledger, caller, id) => Err(lost),
        };
        if let Ok(plan) = &result {
            let finished = database::plan::finish(&ledger, &caller, id, plan, expires_in).await;
            result = finished.map(|()| FinishedPlan::default()).map_err(PlanRefusal::from);
        }
        if let Err(refusal) = &result {
            let tenant = caller.tenant;
            tracing::warn!(bulk_change.id = %id, tenant.id = %tenant, error = refusal as &dyn std::error::Error, "planning failed");
            let why = match refusal {
                PlanRefusal::Database(_) => "The database was not available; send the input again.".to_owned(),
                other => other.to_string(),
            };
            // If even this cannot be written, the plan's own lease runs out and says so.
            drop(database::plan::fail(&ledger, tenant, id, &why).await);
        }
        result.map(|_| ())
    }

    async fn judge_all(self) -> Result<FinishedPlan, PlanRefusal> {
        let Self { planner, caller, id, work } = self;
        let mut stage = Stage::open(&planner.ledger, caller.tenant).await?;
        let page_rows = planner.settings.page_rows;
        let mut plan = Accumulating::new(planner.settings.chunk_rows);
        match work {
            Work::Undo { of } => crate::undo::judge(&mut stage, id, of, page_rows, &mut plan).await?,
            Work::Assign { service_provider, on_conflict, target, rows } => {
                plan.begin_with(&format!("{target:?}"));
                stage_rows(&mut stage, rows).await?;
                stage.match_devices(service_provider).await?;
                loop {
                    let page = stage.page(service_provider, plan.last_row(), page_rows).await?;
                    if page.is_empty() {
                        break;
                    }
                    let judged = page.into_iter();
                    let judge = |row: StagedRow| JudgedRow {
                        verdict: verdict(&target, on_conflict, &row.facts),
                        row,
                        target_number: 1,
                    };
                    let judged: Vec<JudgedRow> = judged.map(judge).collect();
                    judged.iter().for_each(|row| plan.count(row));
                    stage.store(id, &judged).await?;
                }
            }
        }
        stage.close().await?;
        Ok(plan.finish())
    }
}

/// Renews the plan's lease for as long as it is being made; ends only if somebody took the planner for dead.
async fn keep_alive(ledger: &Ledger, caller: Caller, id: BulkChangeId) -> PlanRefusal {
    loop {
        tokio::time::sleep(Duration::from_secs(15)).await;
        // A database that is away for a moment may be back before the lease runs out.
        if matches!(database::plan::renew(ledger, caller.tenant, id).await, Ok(false)) {
            return PlanRefusal::Interrupted;
        }
    }
}

async fn stage_rows(stage: &mut Stage, rows: Rows) -> Result<(), PlanRefusal> {
    if let Rows::Unfinished(of) = rows {
        stage.copy_unfinished(of).await?;
        return Ok(());
    }
    let (send, receive) = mpsc::channel(4);
    let reading = tokio::task::spawn_blocking(move || read_all(rows, &send));
    let copied = stage.copy(receive).await;
    reading.await.map_err(|_| PlanRefusal::Interrupted)??;
    copied?;
    Ok(())
}

/// Reads the whole input into COPY lines, block by block. Runs on a thread that may block.
fn read_all(mut rows: Rows, send: &mpsc::Sender<CopyLines>) -> Result<(), InputRefusal> {
    let (mut block, mut row_number) = (CopyLines::default(), 0);
    loop {
        let next = match &mut rows {
            Rows::Csv { file, .. } => file.read_row()?,
            Rows::Unfinished(_) => None,
            Rows::List(cells) => cells.next().map(|cell| {
                let reading = Identifier::read(&cell, Column::Either);
                Cell { input: cell.chars().take(64).collect(), reading }
            }),
        };
        let Some(Cell { input, reading }) = next else { break };
        row_number += 1;
        if row_number > MOST_ROWS {
            return Err(InputRefusal::TooManyRows);
        }
        block.push(row_number, &input, &reading);
        // Nobody receives any more when the database went away, and the copy itself says why.
        if block.len() > 256 * 1024 && send.blocking_send(std::mem::take(&mut block)).is_err() {
            return Ok(());
        }
    }
    if !block.is_empty() {
        drop(send.blocking_send(block));
    }
    Ok(())
}
