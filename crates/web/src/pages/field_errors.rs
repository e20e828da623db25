//! What is wrong with a form, field by field: said in a summary that leads to the fields, and beside each of them.

use crate::problem::{Problem, Told};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// The id of the field.
    pub(crate) field: String,
    pub(crate) said: String,
}

/// What is wrong with a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldErrors(pub(crate) Vec<FieldError>);

impl FieldErrors {
    /// One thing about one field.
    pub(crate) fn one(field: &str, said: impl Into<String>) -> Self {
        Self(vec![FieldError { field: field.to_owned(), said: said.into() }])
    }

    /// What is wrong with this field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|error| error.field == field).map(|error| error.said.as_str())
    }
}

/// What a problem says about a form: its status, and the field it is about, or the one that it falls to. A problem of ours stays one.
pub(crate) fn about(problem: Problem, otherwise: &str) -> Result<(StatusCode, FieldErrors), Problem> {
    if problem.is_ours() {
        return Err(problem);
    }
    let response = problem.into_response();
    let Some(Told { detail, field, .. }) = response.extensions().get::<Told>().cloned() else {
        return Err(Problem::internal());
    };
    // `columns/Note` is about the columns.
    let field = field.as_deref().and_then(|field| field.split('/').next()).unwrap_or(otherwise).to_owned();
    Ok((response.status(), FieldErrors::one(&field, capital(&detail))))
}

/// Sentences of the API begin small where they go on from a code.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?', ')']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_said_at_its_field_and_ours_is_nobodys_fault() {
        let (status, errors) = about(Problem::field("columns/Note", "X", "is not a field"), "devices").unwrap();
        assert_eq!((status.as_u16(), errors.of("columns")), (422, Some("Is not a field.")));
        let (_, errors) = about(Problem::too_large("Too large."), "devices").unwrap();
        assert_eq!(errors.of("devices"), Some("Too large."));
        assert!(about(Problem::internal(), "devices").is_err());
    }
}
