//! Plans begin here: what is asked is checked as a whole, noted durably, and begun; or begun again after a restart.

use crate::csv_file::InputRefusal;
use crate::csv_file::is_workbook;
use crate::planner_settings::PlannerSettings;
use crate::planning::{Assign, Planning, Rows, Work};
use crate::row_reader::RowReader;
use crate::spool::{Kept, Note, Spool, SpoolError, Spooled};
use database::api_key::Caller;
use database::bulk_change::BulkChange;
use database::plan::{Making, NewPlan, Origin};
use database::service_provider::{ServiceProvider, find};
use database::{DatabaseError, Ledger};
use domain::associate_customer::AssociateCustomer;
use domain::carrier::{AtCarrier, Carriers};
use domain::dates::Moment;
use domain::ids::{ApiKeyId, BulkChangeId, Ids, TenantId};
use domain::rights::Rights;
use domain::verdict::Permit;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Where the devices come from.
#[derive(Debug)]
pub struct Input {
    /// The upload.
    pub spooled: Spooled,
    /// What it was called.
    pub name: Option<String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanRefusal {
    /// The request names a service provider that this tenant has not.
    #[error("there is no service provider {0:?}")]
    ServiceProviderNotFound(String),
    /// The caller may not assign customers at this service provider.
    #[error("you may not assign customers to SIMs of this service provider")]
    Forbidden,
    /// The request's start is no moment that can be kept.
    #[error("the field start_at {0}")]
    StartAt(&'static str),
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
    /// The disk.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The task that read the input ended without a word.
    #[error("reading the input was interrupted")]
    Interrupted,
    /// The plan's lease ran out, and somebody else makes it, or ended it.
    #[error("the plan is being made by another process")]
    TakenOver,
}

/// Makes plans.
#[derive(Clone, Debug)]
pub struct Planner {
    pub(crate) ledger: Ledger,
    pub(crate) ids: Ids,
    pub(crate) settings: PlannerSettings,
    pub(crate) spool: Spool,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) carriers: Arc<Carriers>,
    pub(crate) looks: Arc<Semaphore>,
}

/// Plans that are being made at a time; each holds one of the web role's connections.
const PLACES: usize = 4;
/// Inputs that are looked at at a time: opening a large workbook takes a core for seconds.
const LOOKS: usize = 2;

impl Planner {
    /// Plans into this ledger, from this spool.
    #[must_use]
    pub fn new(ledger: Ledger, ids: Ids, settings: PlannerSettings, spool: Spool) -> Self {
        let (places, looks) = (Arc::new(Semaphore::new(PLACES)), Arc::new(Semaphore::new(LOOKS)));
        Self { ledger, ids, settings, spool, places, looks, carriers: Arc::default() }
    }

    /// Checks the input as a whole and begins the plan. Nothing is judged yet.
    ///
    /// # Errors
    /// See [`PlanRefusal`].
    pub async fn begin(
        &self,
        caller: Caller,
        request: AssociateCustomer,
        input: Input,
    ) -> Result<Planning, PlanRefusal> {
        let path = input.spooled.path().to_owned();
        if is_workbook(&path)? {
            return self.begin_workbook(caller, request, input).await;
        }
        let assign = self.open(&caller, request, &path, input.name).await?;
        let id = BulkChangeId(self.ids.next());
        let note = self.note(&caller, id, &assign.request, assign.input_name.clone(), None);
        let kept = self.spool.keep(note, Some(input.spooled)).await?;
        self.begin_assign(caller, id, assign, kept, None).await
    }

    /// Begins a plan from a workbook. It is opened as a part of planning, in the background if that takes long.
    async fn begin_workbook(
        &self,
        caller: Caller,
        request: AssociateCustomer,
        input: Input,
    ) -> Result<Planning, PlanRefusal> {
        let surroundings = self.surroundings(&caller, &request).await?;
        let id = BulkChangeId(self.ids.next());
        let note = self.note(&caller, id, &request, input.name.clone(), None);
        let kept = self.spool.keep(note, Some(input.spooled)).await?;
        let plan = NewPlan {
            id,
            // What the rows name decides.
            service_provider: None,
            request: serde_json::to_value(&request).unwrap_or_default(),
            reference: request.reference.as_deref(),
            input_name: input.name.as_deref(),
            input_columns: json!([]),
            start_at: request.start_at.as_deref().and_then(|text| surroundings.moment.start_at(text).ok()),
            linked_to: None,
            origin: None,
        };
        if let Err(error) = database::plan::begin(&self.ledger, &caller, &plan).await {
            kept.done();
            return Err(error.into());
        }
        let work = Work::Open { request: Box::new(request), input_name: input.name };
        Ok(Planning { planner: self.clone(), caller, making: Making::new(id), work, kept })
    }

    /// Begins a plan of the rows of a finished change that were not done, with its request, from fresh verdicts.
    ///
    /// # Errors
    /// `ChangeNotFound`, `ChangeNotFinished`, `NothingToRetry`, the disk or the database.
    pub async fn begin_retry(&self, caller: Caller, of: Uuid) -> Result<Planning, PlanRefusal> {
        let change = self.finished(&caller, of).await?;
        if change.undo_of.is_some() {
            // The undo of the same change again judges the same rows afresh.
            return self.begin_undo_of(caller, change.undo_of.unwrap_or(change.id), &change).await;
        }
        if change.counts.failed + change.counts.skipped + change.counts.cancelled == 0 {
            return Err(PlanRefusal::NothingToRetry);
        }
        let assign = self.again(&caller, &change).await?;
        let (id, origin) = (BulkChangeId(self.ids.next()), Origin::RetryOf(change.id));
        let note = self.note(&caller, id, &assign.request, assign.input_name.clone(), Some(origin));
        let kept = self.spool.keep(note, None).await?;
        self.begin_assign(caller, id, assign, kept, Some(origin)).await
    }

    /// Begins a plan that takes a finished change back, row by row.
    ///
    /// # Errors
    /// `ChangeNotFound`, `ChangeNotFinished`, the disk or the database.
    pub async fn begin_undo(&self, caller: Caller, of: Uuid) -> Result<Planning, PlanRefusal> {
        let change = self.finished(&caller, of).await?;
        self.begin_undo_of(caller, change.id, &change).await
    }

    /// Begins again what a note says was not finished. None: it is finished, or somebody makes it; ask again later.
    ///
    /// # Errors
    /// See [`PlanRefusal`].
    pub async fn begin_again(&self, note: &Note, kept: Kept) -> Result<Option<Planning>, PlanRefusal> {
        let (tenant, api_key) = (TenantId(note.tenant), ApiKeyId(note.api_key));
        let (caller, _) = database::rights::acting(&self.ledger, tenant, api_key).await?;
        if !database::discard::is_planning(&self.ledger, caller.tenant, note.plan).await? {
            // A note is written just before its plan is begun.
            if !kept.is_fresh() {
                kept.done();
            }
            return Ok(None);
        }
        let Some(making) = database::discard::take_over(&self.ledger, caller.tenant, note.plan).await? else {
            return Ok(None);
        };
        match self.work_of(&caller, note, &kept).await {
            Ok(work) => Ok(Some(Planning { planner: self.clone(), caller, making, work, kept })),
            // A database that is away comes back; the note stays until then.
            Err(refusal @ PlanRefusal::Database(_)) => Err(refusal),
            Err(refusal) => {
                // What was asked for then is refused now, such as a start that is past.
                database::plan::fail(&self.ledger, caller.tenant, making, &refusal.to_string()).await?;
                kept.done();
                Err(refusal)
            }
        }
    }

    async fn work_of(&self, caller: &Caller, note: &Note, kept: &Kept) -> Result<Work, PlanRefusal> {
        if let Some(of) = note.undo_of {
            let change = self.finished(caller, of).await?;
            let (permit, at_carrier) = self.permit_to_undo(caller, &change).await?;
            let service_provider = change.service_provider.map(|(id, _)| id);
            return Ok(Work::Undo { of: BulkChangeId(of), service_provider, permit, at_carrier });
        }
        if let Some(of) = note.retry_of {
            let change = self.finished(caller, of).await?;
            return Ok(Work::Assign(Box::new(self.again(caller, &change).await?)));
        }
        let path = kept.upload().ok_or(PlanRefusal::Interrupted)?;
        let request = serde_json::from_value(note.request.clone()).map_err(|_| PlanRefusal::Interrupted)?;
        if is_workbook(path)? {
            return Ok(Work::Open { request: Box::new(request), input_name: note.input_name.clone() });
        }
        Ok(Work::Assign(Box::new(self.open(caller, request, path, note.input_name.clone()).await?)))
    }

    /// Notes that lie in the spool, oldest knowledge of what is still to be planned.
    ///
    /// # Errors
    /// The disk.
    pub async fn notes(&self) -> Result<Vec<(Note, Kept)>, SpoolError> {
        self.spool.notes().await
    }

    fn note(
        &self,
        caller: &Caller,
        id: BulkChangeId,
        request: &AssociateCustomer,
        input_name: Option<String>,
        origin: Option<Origin>,
    ) -> Note {
        let (retry_of, undo_of) = match origin {
            None => (None, None),
            Some(Origin::RetryOf(of)) => (Some(of.0), None),
            Some(Origin::UndoOf(of)) => (None, Some(of.0)),
        };
        let request = serde_json::to_value(request).unwrap_or_default();
        let (tenant, api_key) = (caller.tenant.0, caller.api_key.0);
        Note { tenant, api_key, plan: id.0, request, upload: None, input_name, retry_of, undo_of }
    }

    async fn begin_undo_of(
        &self,
        caller: Caller,
        of: BulkChangeId,
        change: &BulkChange,
    ) -> Result<Planning, PlanRefusal> {
        let (permit, at_carrier) = self.permit_to_undo(&caller, change).await?;
        let id = BulkChangeId(self.ids.next());
        let (tenant, api_key) = (caller.tenant.0, caller.api_key.0);
        let note = Note {
            tenant,
            api_key,
            plan: id.0,
            request: Value::Null,
            upload: None,
            input_name: None,
            retry_of: None,
            undo_of: Some(of.0),
        };
        let kept = self.spool.keep(note, None).await?;
        let plan = NewPlan {
            id,
            service_provider: change.service_provider.as_ref().map(|(id, _)| *id),
            request: json!({ "undo_of": of }),
            reference: change.reference.as_deref(),
            input_name: None,
            input_columns: json!([]),
            start_at: None,
            linked_to: None,
            origin: Some(Origin::UndoOf(of)),
        };
        if let Err(error) = database::plan::begin(&self.ledger, &caller, &plan).await {
            kept.done();
            return Err(error.into());
        }
        let work = Work::Undo { of, service_provider: plan.service_provider, permit, at_carrier };
        Ok(Planning { planner: self.clone(), caller, making: Making::new(id), work, kept })
    }

    async fn finished(&self, caller: &Caller, id: Uuid) -> Result<BulkChange, PlanRefusal> {
        let found = database::bulk_change::get(&self.ledger, caller, id).await?;
        let change = found.filter(|change| change.applied_at.is_some()).ok_or(PlanRefusal::ChangeNotFound)?;
        if change.status.is_finished() { Ok(change) } else { Err(PlanRefusal::ChangeNotFinished) }
    }

    /// What the caller may do with the SIMs of a change that is to be taken back, and what may be asked of their carrier.
    async fn permit_to_undo(&self, caller: &Caller, change: &BulkChange) -> Result<(Permit, AtCarrier), PlanRefusal> {
        let rights = database::rights::of(&self.ledger, caller.tenant, caller.api_key).await?;
        let providers = database::service_provider::all(&self.ledger, caller.tenant).await?;
        let theirs = providers.iter().find(|p| change.service_provider.as_ref().is_some_and(|(id, _)| *id == p.id));
        let theirs =
            theirs.filter(|provider| rights.may_assign_at(&provider.integration)).ok_or(PlanRefusal::Forbidden)?;
        let at = self.at_carriers(caller.tenant, std::slice::from_ref(theirs), false).await?.remove(&theirs.id);
        Ok((Permit { may_assign: true, scope: rights.scope }, at.unwrap_or_default()))
    }

    /// Reads what an input says of itself, against what the tenant has.
    pub(crate) async fn open(
        &self,
        caller: &Caller,
        request: AssociateCustomer,
        path: &std::path::Path,
        input_name: Option<String>,
    ) -> Result<Assign, PlanRefusal> {
        let Surroundings { providers, named, moment, rights } = self.surroundings(caller, &request).await?;
        let (path, asked, all) = (path.to_owned(), request.clone(), providers.clone());
        let default = named.as_ref().map(|provider| provider.id);
        let opening = tokio::task::spawn_blocking(move || RowReader::open(&path, &asked, all, default));
        let reader = Box::new(opening.await.map_err(|_| PlanRefusal::Interrupted)??);
        // A request that names one, and rows that do not contradict.
        let only = named.filter(|_| !reader.rows_name_providers());
        let input_columns = reader.columns().show();
        Ok(Assign {
            request,
            input_name,
            input_columns,
            only,
            providers,
            moment,
            rights,
            at_carriers: HashMap::new(),
            rows: Rows::Read(reader),
            unfinished: None,
        })
    }

    /// What a finished change asked for, for its rows that were not done.
    async fn again(&self, caller: &Caller, change: &BulkChange) -> Result<Assign, PlanRefusal> {
        let request: AssociateCustomer =
            serde_json::from_value(change.request.clone()).map_err(|_| PlanRefusal::Interrupted)?;
        // Its start was then; a retry begins when it is applied.
        let request = AssociateCustomer { start_at: None, ..request };
        let Surroundings { providers, moment, rights, .. } = self.surroundings(caller, &request).await?;
        let theirs = change.service_provider.as_ref().map(|(id, _)| *id);
        let only = providers.iter().find(|provider| Some(provider.id) == theirs).cloned();
        Ok(Assign {
            request,
            input_name: change.input_name.clone(),
            input_columns: change.input_columns.clone(),
            only,
            providers,
            moment,
            rights,
            at_carriers: HashMap::new(),
            rows: Rows::Unfinished(change.id),
            unfinished: None,
        })
    }

    pub(crate) async fn surroundings(
        &self,
        caller: &Caller,
        request: &AssociateCustomer,
    ) -> Result<Surroundings, PlanRefusal> {
        let rights = database::rights::of(&self.ledger, caller.tenant, caller.api_key).await?;
        let providers = database::service_provider::all(&self.ledger, caller.tenant).await?;
        let named = match &request.service_provider {
            None => None,
            Some(text) => Some(
                find(&providers, text).cloned().ok_or_else(|| PlanRefusal::ServiceProviderNotFound(text.clone()))?,
            ),
        };
        if named.as_ref().is_some_and(|provider| !rights.may_assign_at(&provider.integration)) {
            return Err(PlanRefusal::Forbidden);
        }
        let (now, zone) = database::tenant::now_and_zone(&self.ledger, caller.tenant).await?;
        let zone = TimeZone::get(&zone).map_err(|_| DatabaseError::Inconsistent {
            table: "tenant",
            column: "time_zone",
            value: zone,
        })?;
        let moment = Moment { now, zone };
        if let Some(text) = &request.start_at {
            moment.start_at(text).map_err(PlanRefusal::StartAt)?;
        }
        Ok(Surroundings { providers, named, moment, rights })
    }

    async fn begin_assign(
        &self,
        caller: Caller,
        id: BulkChangeId,
        assign: Assign,
        kept: Kept,
        origin: Option<Origin>,
    ) -> Result<Planning, PlanRefusal> {
        let plan = assign.new_plan(id, assign.only.as_ref().map(|provider| provider.id), None, origin);
        if let Err(error) = database::plan::begin(&self.ledger, &caller, &plan).await {
            kept.done();
            return Err(error.into());
        }
        Ok(Planning {
            planner: self.clone(),
            caller,
            making: Making::new(id),
            work: Work::Assign(Box::new(assign)),
            kept,
        })
    }
}

/// Where, when and with what rights something is asked.
pub(crate) struct Surroundings {
    pub(crate) providers: Vec<ServiceProvider>,
    pub(crate) named: Option<ServiceProvider>,
    pub(crate) moment: Moment,
    pub(crate) rights: Rights,
}
