//! What a form says when it was refused: one sentence with what to do, and what was typed stays typed.

use crate::problem::{Problem, Told};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;

/// A refusal, for the page that has the form.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) said: String,
    /// The field it is about; its id on the page is the name that the API knows it by.
    pub(super) field: Option<String>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let response = problem.into_response();
        let told = response.extensions().get::<Told>().cloned();
        let (code, said, field) = told.map_or(("", String::new(), None), |told| (told.code, told.detail, told.field));
        let said = match code {
            "CHANGED_MEANWHILE" => {
                "Somebody changed this since you opened the page, and nothing of yours was written. What it is now \
                 stands above; what you typed is still in the form. Send it again to put yours in its place."
                    .to_owned()
            }
            "NAME_TAKEN" => format!("{said} Choose another; what you typed is still in the form."),
            _ => said,
        };
        Self { status: response.status(), said, field }
    }
}

/// What a form was made from, for the same check as the API's `If-Match`. A form that does not say it changes nothing.
pub(super) fn seen(fields: &super::fields::Fields) -> Result<&str, Problem> {
    fields.said("etag").ok_or_else(|| {
        Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "IF_MATCH_MISSING",
            "The form does not say what it was made from. Load the page again, and send it again.",
        )
    })
}

/// Refusals of which the page that has the form says what to do. Others, such as that there is no such thing, are a page of their own.
pub(super) fn on_the_page(problem: Problem) -> Result<Refused, Problem> {
    match problem.status() {
        StatusCode::NOT_FOUND
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::FORBIDDEN => Err(problem),
        _ => Ok(problem.into()),
    }
}
