//! A plan that was begun is read, staged, judged and stored to its end, page by page; never all of it in memory.

use crate::accumulating::Accumulating;
use crate::asking_again::{self, AskedAgain, AtStake};
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
use domain::carrier::AtCarrier;
use domain::dates::Moment;
use domain::ids::{BulkChangeId, ServiceProviderId};
use domain::input_field::InputField;
use domain::rights::Rights;
use domain::verdict::Permit;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
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
        /// Whose SIMs.
        service_provider: Option<ServiceProviderId>,
        /// What the caller may do with its SIMs.
        permit: Permit,
        /// What may be asked of their carrier.
        at_carrier: AtCarrier,
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
    /// What may be asked of carriers; nothing is known where nothing is asked of any.
    pub(crate) at_carriers: HashMap<ServiceProviderId, AtCarrier>,
    pub(crate) rows: Rows,
    /// The change whose rows these are, once they are staged.
    pub(crate) unfinished: Option<BulkChangeId>,
}

/// Where the rows come from.
#[derive(Debug)]
pub(crate) enum Rows {
    /// An upload.
    Read(Box<RowReader>),
    /// The rows of a finished change that were not done.
    Unfinished(BulkChangeId),
    /// They were staged.
    Taken,
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
        let mut result = tokio::select! {
            judged = judge_all(&planner, caller, making, work, kept.upload(), &progress) => judged,
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
    // Large inputs take turns: each holds a connection for as long as it takes.
    let mut place = planner.places.acquire().await.map_err(|_| PlanRefusal::Interrupted)?;
    let mut assign = match work {
        Work::Undo { of, service_provider, permit, at_carrier } => {
            let mut stage = Stage::open(&planner.ledger, caller.tenant, making).await?;
            let mut plan = Accumulating::new(id, service_provider, planner.settings.chunk_rows);
            let (page_rows, may) = (planner.settings.page_rows, (&permit, &at_carrier));
            crate::undo::judge(&mut stage, (id, of), page_rows, may, &mut plan, progress).await?;
            stage.close().await?;
            return Ok(vec![plan.finish()]);
        }
        Work::Open { request, input_name } => {
            let path = upload.ok_or(PlanRefusal::Interrupted)?;
            let assign = planner.open(&caller, *request, path, input_name).await?;
            let only = assign.only.as_ref().map(|provider| provider.id);
            database::plan::describe(&planner.ledger, caller.tenant, making, only, &assign.input_columns).await?;
            assign
        }
        Work::Assign(assign) => *assign,
    };
    if assign.may_ask_the_carrier() {
        let activates = assign.request.carrier.activate.is_some();
        assign.at_carriers = planner.at_carriers(caller.tenant, &assign.providers, activates).await?;
    }
    let mut stage = Stage::open(&planner.ledger, caller.tenant, making).await?;
    let mut parts = stage_all(&mut stage, &mut assign, progress).await?;
    let mut asked_again = AskedAgain::default();
    let stale = asking_again::stale(planner, caller.tenant, &assign).await?;
    if !stale.accounts.is_empty() {
        let mut at_stake = AtStake::new(stale);
        for part in &parts {
            asking_again::survey(&mut stage, &assign.asked(id, part), planner.settings.page_rows, &mut at_stake)
                .await?;
        }
        if !at_stake.is_nothing() {
            // Nothing is held while others ask Rev.io: no connection, and nobody's turn. What was staged is staged again.
            stage.close().await?;
            drop(place);
            asked_again = asking_again::ask_and_wait(planner, caller.tenant, at_stake).await?;
            place = planner.places.acquire().await.map_err(|_| PlanRefusal::Interrupted)?;
            assign.rows = match (assign.unfinished, upload) {
                (Some(of), _) => Rows::Unfinished(of),
                (None, Some(path)) => {
                    planner.open(&caller, assign.request.clone(), path, assign.input_name.clone()).await?.rows
                }
                (None, None) => return Err(PlanRefusal::Interrupted),
            };
            stage = Stage::open(&planner.ledger, caller.tenant, making).await?;
            parts = stage_all(&mut stage, &mut assign, progress).await?;
        }
    }
    let plans = judge_parts(planner, caller, id, &assign, &mut stage, (parts, &asked_again), progress).await?;
    stage.close().await?;
    drop(place);
    Ok(plans)
}

/// The rows of one service provider.
pub(crate) struct RowsAt {
    service_provider: Option<ServiceProviderId>,
    rows: RowsOf,
    permit: Permit,
    at_carrier: AtCarrier,
}

impl Assign {
    /// May a row ask something of its carrier?
    fn may_ask_the_carrier(&self) -> bool {
        let columns = self.input_columns.as_array().into_iter().flatten();
        let fields = columns.filter_map(|c| c["field"].as_str()).filter_map(InputField::from_word);
        self.request.carrier.asks() || fields.into_iter().any(InputField::is_of_the_carrier)
    }

    /// May a row ask for a line at Rev.io, or for one to be closed?
    pub(crate) fn may_ask_for_lines(&self) -> bool {
        let columns = self.input_columns.as_array().into_iter().flatten();
        self.request.line.asks()
            || columns.filter_map(|c| c["field"].as_str()).any(|f| f == InputField::ServiceId.word())
    }

    /// The rows of a service provider; without one they are refused for that, and nothing is assigned.
    fn rows_at(&self, service_provider: Option<ServiceProviderId>, rows: RowsOf) -> RowsAt {
        let theirs = self.providers.iter().find(|provider| Some(provider.id) == service_provider);
        let may_assign = theirs.is_none_or(|provider| self.rights.may_assign_at(&provider.integration));
        let at_carrier = service_provider.and_then(|id| self.at_carriers.get(&id).cloned()).unwrap_or_default();
        let permit = Permit { may_assign, scope: self.rights.scope.clone() };
        RowsAt { service_provider, rows, permit, at_carrier }
    }

    /// What is asked for these rows, as this plan.
    fn asked<'a>(&'a self, id: BulkChangeId, part: &'a RowsAt) -> Asked<'a> {
        Asked {
            id,
            request: &self.request,
            service_provider: part.service_provider,
            rows: part.rows,
            permit: &part.permit,
            at_carrier: &part.at_carrier,
            moment: &self.moment,
        }
    }
}

/// Stages all rows and finds their devices. Answers whose they are; there is at least one part.
async fn stage_all(stage: &mut Stage, assign: &mut Assign, progress: &Progress) -> Result<Vec<RowsAt>, PlanRefusal> {
    let rows = std::mem::replace(&mut assign.rows, Rows::Taken);
    assign.unfinished = stage_rows(stage, rows, progress).await?;
    if let Some(only) = &assign.only {
        stage.match_devices(std::slice::from_ref(only)).await?;
        return Ok(vec![assign.rows_at(Some(only.id), RowsOf::All)]);
    }
    stage.match_devices(&assign.providers).await?;
    let found = stage.sort_by_provider().await?;
    if found.is_empty() {
        return Ok(vec![assign.rows_at(None, RowsOf::All)]);
    }
    Ok(found.into_iter().map(|provider| assign.rows_at(Some(provider), RowsOf::Provider(provider))).collect())
}

/// Judges each service provider's rows as a plan of their own. The plan that has the upload is the first one's.
async fn judge_parts(
    planner: &Planner,
    caller: Caller,
    id: BulkChangeId,
    assign: &Assign,
    stage: &mut Stage,
    (parts, asked_again): (Vec<RowsAt>, &AskedAgain),
    progress: &Progress,
) -> Result<Vec<FinishedPlan>, PlanRefusal> {
    let mut ids = vec![id];
    for part in parts.iter().skip(1) {
        let linked = BulkChangeId(planner.ids.next());
        let plan = assign.new_plan(linked, part.service_provider, Some(id), None);
        database::plan::begin(&planner.ledger, &caller, &plan).await?;
        ids.push(linked);
    }
    let (mut plans, mut taken) = (Vec::with_capacity(parts.len()), Taken::new());
    for (id, part) in ids.into_iter().zip(&parts) {
        let mut plan = Accumulating::new(id, part.service_provider, planner.settings.chunk_rows);
        if assign.may_ask_the_carrier() {
            plan.ask_carrier(&part.at_carrier);
        }
        let (asked, page_rows) = (assign.asked(id, part), planner.settings.page_rows);
        judging::judge(stage, &asked, page_rows, &mut plan, &mut taken, progress).await?;
        plans.push(plan.finish_after(asked_again));
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

/// Answers the change of which they are the rows that were not done, if they are.
async fn stage_rows(stage: &mut Stage, rows: Rows, progress: &Progress) -> Result<Option<BulkChangeId>, PlanRefusal> {
    match rows {
        Rows::Taken => Err(PlanRefusal::Interrupted),
        Rows::Unfinished(of) => {
            let copied = stage.copy_unfinished(of).await?;
            progress.read(i32::try_from(copied).unwrap_or(i32::MAX));
            crate::results::restage_records(stage, of).await?;
            Ok(Some(of))
        }
        Rows::Read(reader) => {
            let (send, receive) = mpsc::channel(4);
            let progress = progress.clone();
            let reading = tokio::task::spawn_blocking(move || read_all(*reader, &send, &progress));
            let copied = stage.copy(receive).await;
            reading.await.map_err(|_| PlanRefusal::Interrupted)??;
            copied?;
            Ok(None)
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
