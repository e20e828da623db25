//! Making a plan: names resolved, rows staged, matched, judged and stored, page by page; never all of them in memory.

use crate::csv_file::{Cell, CsvFile, InputRefusal, MOST_ROWS};
use crate::spool::Spooled;
use database::api_key::Caller;
use database::plan::{FinishedPlan, NewPlan};
use database::stage::{CopyLines, JudgedRow, Stage};
use database::{DatabaseError, Ledger};
use domain::associate_customer::{AssociateCustomer, OnConflict};
use domain::iccid::Iccid;
use domain::ids::{BulkChangeId, Ids, ServiceProviderId};
use domain::reason::Refusal;
use domain::target::{Target, resolve};
use domain::verdict::{Verdict, verdict};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::sync::mpsc;

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
}

/// A plan that was begun: it has an id, and is PLANNING until [`Planning::run`] ends.
#[derive(Debug)]
pub struct Planning {
    planner: Planner,
    caller: Caller,
    id: BulkChangeId,
    service_provider: ServiceProviderId,
    on_conflict: OnConflict,
    target: Result<Target, Refusal>,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    /// The file on disk goes when this does.
    Csv {
        file: Box<CsvFile>,
        _spooled: Spooled,
    },
    List(std::vec::IntoIter<String>),
}

impl Planner {
    /// Plans into this ledger.
    #[must_use]
    pub const fn new(ledger: Ledger, ids: Ids, settings: PlannerSettings) -> Self {
        Self { ledger, ids, settings }
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
        let Some(provider) =
            database::service_provider::named(&self.ledger, caller.tenant, &request.service_provider).await?
        else {
            return Err(PlanRefusal::ServiceProviderNotFound(request.service_provider.clone()));
        };
        let (rows, input_name) = match input {
            Input::Csv { spooled, name } => {
                let path = spooled.path().to_owned();
                let file = tokio::task::spawn_blocking(move || CsvFile::open(&path))
                    .await
                    .map_err(|_| PlanRefusal::Interrupted)??;
                (Rows::Csv { file: Box::new(file), _spooled: spooled }, name)
            }
            Input::List(cells) if cells.is_empty() => return Err(InputRefusal::NoRows.into()),
            Input::List(cells) => (Rows::List(cells.into_iter()), None),
        };
        let facts = database::customer::target_facts(&self.ledger, caller.tenant, request).await?;
        let target = resolve(request, provider.id, &facts);
        let id = BulkChangeId(self.ids.next());
        let plan = NewPlan {
            id,
            service_provider: provider.id,
            request,
            input_name: input_name.as_deref(),
            target: target.as_ref().ok(),
        };
        database::plan::begin(&self.ledger, &caller, &plan).await?;
        Ok(Planning {
            planner: self.clone(),
            caller,
            id,
            service_provider: provider.id,
            on_conflict: request.on_conflict,
            target,
            rows,
        })
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
        let (ledger, tenant, id) = (self.planner.ledger.clone(), self.caller.tenant, self.id);
        let result = self.judge_all().await;
        if let Err(refusal) = &result {
            tracing::warn!(bulk_change.id = %id, tenant.id = %tenant, error = refusal as &dyn std::error::Error, "planning failed");
            let why = match refusal {
                PlanRefusal::Database(_) => "The database was not available; send the input again.".to_owned(),
                other => other.to_string(),
            };
            // If even this cannot be written, the plan's own lease runs out and says so.
            drop(database::plan::fail(&ledger, tenant, id, &why).await);
        }
        result
    }

    async fn judge_all(self) -> Result<(), PlanRefusal> {
        let Self { planner, caller, id, service_provider, on_conflict, target, rows } = self;
        let mut stage = Stage::open(&planner.ledger, caller.tenant).await?;
        let (send, receive) = mpsc::channel(4);
        let reading = tokio::task::spawn_blocking(move || read_all(rows, &send));
        let copied = stage.copy(receive).await;
        reading.await.map_err(|_| PlanRefusal::Interrupted)??;
        copied?;
        stage.match_devices(service_provider).await?;
        let mut plan = Accumulating::new(planner.settings.chunk_rows, &target);
        loop {
            let page = stage.page(service_provider, plan.finished.rows, planner.settings.page_rows).await?;
            if page.is_empty() {
                break;
            }
            let judged: Vec<JudgedRow> = page
                .into_iter()
                .map(|row| JudgedRow { verdict: verdict(&target, on_conflict, &row.facts), row })
                .collect();
            judged.iter().for_each(|row| plan.count(row));
            stage.store(id, &judged).await?;
        }
        stage.close().await?;
        database::plan::finish(&planner.ledger, &caller, id, &plan.finish(), planner.settings.expires_in).await?;
        Ok(())
    }
}

/// Reads the whole input into COPY lines, block by block. Runs on a thread that may block.
fn read_all(mut rows: Rows, send: &mpsc::Sender<CopyLines>) -> Result<(), InputRefusal> {
    let (mut block, mut row_number) = (CopyLines::default(), 0);
    loop {
        let next = match &mut rows {
            Rows::Csv { file, .. } => file.read_row()?,
            Rows::List(cells) => cells.next().map(|cell| {
                let reading = Iccid::read(&cell);
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

/// The counts, the chunks and the hash, while the rows go by.
struct Accumulating {
    finished: FinishedPlan,
    hash: Sha256,
    chunk_rows: i32,
    open: Option<(i32, i32, i32)>,
}

impl Accumulating {
    fn new(chunk_rows: i32, target: &Result<Target, Refusal>) -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("{target:?}\n"));
        Self { finished: FinishedPlan::default(), hash, chunk_rows: chunk_rows.max(1), open: None }
    }

    fn count(&mut self, judged: &JudgedRow) {
        let row = judged.row.row_number;
        self.finished.rows = row;
        let device = judged.row.facts.device.as_ref();
        let versions = device.map(|d| (d.id, d.version, d.assignment.as_ref().map_or(0, |a| a.version)));
        let refusal = match &judged.verdict {
            Verdict::Change => {
                self.finished.change += 1;
                let (first, _, rows) = self.open.take().unwrap_or((row, row, 0));
                if rows + 1 == self.chunk_rows {
                    self.finished.chunks.push((first, row));
                } else {
                    self.open = Some((first, row, rows + 1));
                }
                None
            }
            Verdict::NoChange(refusal) => {
                self.finished.no_change += 1;
                Some(refusal)
            }
            Verdict::Refused(refusal) => {
                self.finished.refused += 1;
                Some(refusal)
            }
        };
        let reason = refusal.map(|refusal| refusal.reason.word());
        if let Some(word) = reason {
            *self.finished.by_reason.entry(word).or_default() += 1;
        }
        self.hash.update(format!("{row} {reason:?} {versions:?}\n"));
    }

    fn finish(mut self) -> FinishedPlan {
        if let Some((first, last, _)) = self.open {
            self.finished.chunks.push((first, last));
        }
        self.finished.hash = self.hash.finalize().into();
        self.finished
    }
}
