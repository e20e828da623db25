//! How Rev.io says no: the application in an array, the gateway before it in an object (`rev_io.md` C2, C4).

use crate::call::Answer;
use axum::http::{StatusCode, header};
use serde_json::json;

/// Why a call was not done.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// By the application. The words in `error` are inferred.
    Application { status: StatusCode, error: String, message: String },
    /// By the gateway.
    Gateway { status: StatusCode, message: String, retry_after: Option<i64> },
}

impl Refusal {
    pub(crate) fn application(status: StatusCode, error: &str, message: impl Into<String>) -> Self {
        Self::Application { status, error: error.to_owned(), message: message.into() }
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::application(StatusCode::BAD_REQUEST, "REQUIRED_FIELD", format!("{field} is required."))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::application(StatusCode::BAD_REQUEST, "INVALID_VALUE", message)
    }

    /// A body names an object that does not exist.
    pub(crate) fn dangling(field: &str, id: i64) -> Self {
        Self::application(StatusCode::BAD_REQUEST, "NOT_FOUND", format!("{field} {id} does not exist."))
    }

    pub(crate) fn rule(message: impl Into<String>) -> Self {
        Self::application(StatusCode::BAD_REQUEST, "NOT_ALLOWED", message)
    }

    /// The path names an object that does not exist.
    pub(crate) fn no_such_object(kind: &str, id: i64) -> Self {
        Self::application(StatusCode::NOT_FOUND, "NOT_FOUND", format!("{kind} {id} was not found."))
    }

    pub(crate) fn gateway(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Gateway { status, message: message.into(), retry_after: None }
    }

    /// 429; without seconds it also has no Retry-After.
    pub(crate) fn throttled(seconds: Option<i64>) -> Self {
        let message = match seconds {
            Some(seconds) => format!("Rate limit is exceeded. Try again in {seconds} seconds."),
            None => "Rate limit is exceeded.".to_owned(),
        };
        Self::Gateway { status: StatusCode::TOO_MANY_REQUESTS, message, retry_after: seconds }
    }

    pub(crate) fn into_answer(self) -> Answer {
        match self {
            Self::Application { status, error, message } => {
                Answer::json(status, &json!([{ "ok": false, "error": error, "message": message }]))
            }
            Self::Gateway { status, message, retry_after } => {
                let answer = Answer::json(status, &json!({ "statusCode": status.as_u16(), "message": message }));
                match retry_after {
                    Some(seconds) => answer.with_header(header::RETRY_AFTER, seconds.to_string()),
                    None => answer,
                }
            }
        }
    }
}
