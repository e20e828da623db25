//! What an error looks like outside: RFC 9457 `application/problem+json` with a stable `code`. The one place where errors
//! become HTTP.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use database::DatabaseError;
use domain::associate_customer::RequestRefusal;
use intake::{InputRefusal, PlanRefusal, ResultsWorkbookError, SpoolError, WorkbookRefusal};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// A refusal of a whole request.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    field: Option<String>,
    retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None, retry_after: None }
    }

    pub(crate) fn field(field: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail) }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// Is it nothing that another request could put right?
    pub(crate) fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    /// In so many seconds the same may work.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing here, or nothing of yours.")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "This resource does not know that method.")
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "Something of ours failed. The log has more under the request id.",
        )
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Send a valid API key as Authorization: Bearer <key>.")
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", "This key's role may not do that.")
    }

    pub(crate) fn no_secret_key() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "SECRET_KEY_MISSING",
            "This installation has no key to seal secrets with. Set ASCRIBE_SECRET_KEY_FILE and start it again.",
        )
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", detail)
    }

    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }
}

/// What a problem says, kept beside its JSON for a page to say it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    /// Which field of the request it is about.
    pub(crate) field: Option<String>,
    pub(crate) retry_after: Option<u64>,
}

tokio::task_local! {
    /// The request that is being answered: its id and its path.
    pub(crate) static REQUEST: (String, String);
}

/// Why a request was refused (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Names the code.
    r#type: String,
    title: String,
    status: u16,
    /// A stable code.
    code: String,
    /// For this request.
    detail: String,
    /// The path that was asked for.
    instance: Option<String>,
    /// For the log line that says more than the answer may.
    request_id: Option<String>,
    /// May the same request work later?
    retryable: bool,
    /// Which field.
    errors: Option<Vec<FieldProblem>>,
}

/// What is wrong with a field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// A JSON pointer (RFC 6901).
    pointer: String,
    code: String,
    detail: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("https://ascribe.invalid/problems/{}", self.code.to_lowercase().replace('_', "-")),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
            "retryable": matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS),
        });
        let _ = REQUEST.try_with(|(id, path)| {
            body["request_id"] = json!(id);
            body["instance"] = json!(path);
        });
        if let Some(field) = &self.field {
            body["errors"] = json!([{ "pointer": format!("/{field}"), "code": self.code, "detail": self.detail }]);
        }
        let mut response = (self.status, Json(body)).into_response();
        // For who asked for a page.
        let told = Told { code: self.code, detail: self.detail, field: self.field, retry_after: self.retry_after };
        response.extensions_mut().insert(told);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let wait = self.retry_after.or((self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(2));
        if let Some(seconds) = wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::PlanNotFound => Self::not_found(),
            DatabaseError::PlanNotReady => {
                Self::new(StatusCode::CONFLICT, "PLAN_NOT_READY", "The plan is still being made, or could not be made.")
            }
            DatabaseError::PlanExpired => Self::new(
                StatusCode::CONFLICT,
                "PLAN_EXPIRED",
                "The plan is too old. Plan again to see things as they are now.",
            ),
            DatabaseError::NothingToChange => {
                Self::new(StatusCode::CONFLICT, "NOTHING_TO_CHANGE", "No row of the plan has anything to change.")
            }
            DatabaseError::AlreadyApplied => Self::new(
                StatusCode::CONFLICT,
                "ALREADY_APPLIED",
                "The plan was already applied; the bulk change has the same id.",
            ),
            DatabaseError::WrongState => {
                Self::new(StatusCode::CONFLICT, "WRONG_STATE", "The bulk change is not in a state for this.")
            }
            DatabaseError::Outage(_) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database is not available");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "DATABASE_UNAVAILABLE",
                    "The database is not available right now. Nothing was lost; try again.",
                )
            }
            DatabaseError::LeaseLost
            | DatabaseError::Data { .. }
            | DatabaseError::Inconsistent { .. }
            | DatabaseError::Defect(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a statement failed");
                Self::internal()
            }
        }
    }
}

impl From<RequestRefusal> for Problem {
    fn from(refusal: RequestRefusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            RequestRefusal::NotAnObject => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "REQUEST_INVALID", text),
            RequestRefusal::ChangeType(_) => Self::field("change_type", "CHANGE_TYPE_UNKNOWN", text),
            RequestRefusal::Missing(field) => Self::field(field, "FIELD_MISSING", text),
            RequestRefusal::Invalid { field, .. } => Self::field(&field, "FIELD_INVALID", text),
            RequestRefusal::NotSupportedYet(field) => Self::field(&field, "FIELD_NOT_SUPPORTED_YET", text),
            RequestRefusal::Unknown(field) => Self::field(&field, "FIELD_UNKNOWN", text),
        }
    }
}

impl From<PlanRefusal> for Problem {
    fn from(refusal: PlanRefusal) -> Self {
        match refusal {
            PlanRefusal::ServiceProviderNotFound(_) => {
                Self::field("service_provider", "SERVICE_PROVIDER_NOT_FOUND", refusal.to_string())
            }
            PlanRefusal::Input(input) => input.into(),
            PlanRefusal::Forbidden => Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", refusal.to_string()),
            PlanRefusal::StartAt(_) => Self::field("start_at", "FIELD_INVALID", refusal.to_string()),
            PlanRefusal::Spool(error) => error.into(),
            PlanRefusal::ChangeNotFound => Self::not_found(),
            PlanRefusal::ChangeNotFinished => Self::new(StatusCode::CONFLICT, "WRONG_STATE", refusal.to_string()),
            PlanRefusal::NothingToRetry => Self::new(StatusCode::CONFLICT, "NOTHING_TO_RETRY", refusal.to_string()),
            PlanRefusal::Database(error) => error.into(),
            PlanRefusal::TakenOver => DatabaseError::PlanNotReady.into(),
            PlanRefusal::Interrupted => Self::internal(),
        }
    }
}

impl From<SpoolError> for Problem {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::TooLarge(_) => Self::too_large(error.to_string()),
            SpoolError::Io(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the spool could not be written");
                Self::internal()
            }
        }
    }
}

impl From<ResultsWorkbookError> for Problem {
    fn from(error: ResultsWorkbookError) -> Self {
        match error {
            ResultsWorkbookError::Database(error) => error.into(),
            other => {
                tracing::error!(error = &other as &dyn std::error::Error, "a result file could not be written");
                Self::internal()
            }
        }
    }
}

impl From<InputRefusal> for Problem {
    fn from(input: InputRefusal) -> Self {
        let code = match &input {
            InputRefusal::NoRows => "INPUT_HAS_NO_ROWS",
            InputRefusal::NoIccidColumn(_) => "INPUT_HAS_NO_ICCID_COLUMN",
            InputRefusal::NotCsv(_) => "INPUT_FORMAT_NOT_SUPPORTED",
            InputRefusal::QuoteNotClosed(_) => "INPUT_QUOTE_NOT_CLOSED",
            InputRefusal::RowTooLong(_) => "INPUT_ROW_TOO_LONG",
            InputRefusal::ColumnNotSupportedYet(_) => "COLUMN_NOT_SUPPORTED_YET",
            InputRefusal::ColumnNeedsNewLine(_) => "COLUMN_NEEDS_CREATE_REV_SERVICE",
            InputRefusal::ColumnNeedsActivation(_) => "COLUMN_NEEDS_ACTIVATE",
            InputRefusal::ColumnNotFound(_) => {
                return Self::field("columns", "COLUMN_NOT_FOUND", input.to_string());
            }
            InputRefusal::ColumnTwice(..) => return Self::field("columns", "COLUMN_TWICE", input.to_string()),
            InputRefusal::NoCustomer => return Self::field("customer", "FIELD_MISSING", input.to_string()),
            InputRefusal::TooManyColumns => "INPUT_HAS_TOO_MANY_COLUMNS",
            InputRefusal::Workbook(WorkbookRefusal::TooLarge(_)) => return Self::too_large(input.to_string()),
            InputRefusal::Workbook(WorkbookRefusal::SeveralSheets(_)) => "WORKBOOK_HAS_SEVERAL_SHEETS",
            InputRefusal::Workbook(WorkbookRefusal::TooManyColumns(_)) => "INPUT_HAS_TOO_MANY_COLUMNS",
            InputRefusal::Workbook(WorkbookRefusal::Damaged(_) | WorkbookRefusal::Encrypted) => "WORKBOOK_NOT_READABLE",
            InputRefusal::TooManyRows | InputRefusal::TooManyBytes => {
                return Self::too_large(input.to_string());
            }
            InputRefusal::Workbook(WorkbookRefusal::Io(_)) | InputRefusal::Io(_) => {
                tracing::error!(error = &input as &dyn std::error::Error, "the spool could not be read");
                return Self::internal();
            }
        };
        Self::field("devices", code, input.to_string())
    }
}
