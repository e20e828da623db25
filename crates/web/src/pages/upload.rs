//! A form that carries a file. It is read as it comes, never all of it in memory: its first part is the form's token, which the
//! entrance looks at; the rest waits for the page.

use super::fields::Fields;
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::StatusCode;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The parts of a form after its token. Whoever takes them has them.
#[derive(Clone)]
pub(crate) struct Upload(Arc<Mutex<Option<Multipart>>>);

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upload")
    }
}

/// The most bytes of a token.
const MOST_TOKEN_BYTES: usize = 1024;

/// Reads the token, and keeps the rest.
pub(crate) async fn begun(request: Request) -> Result<(Request, Fields, Upload), Problem> {
    let (parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let mut multipart = Multipart::from_request(whole, &())
        .await
        .map_err(|rejection| Problem::bad_request("MULTIPART_INVALID", rejection.body_text()))?;
    let mut fields = Fields::default();
    if let Some(first) = multipart.next_field().await.map_err(broken)?
        && first.name() == Some("form_token")
    {
        let token = text_of(first, MOST_TOKEN_BYTES).await?;
        fields = Fields::of([("form_token".to_owned(), token)]);
    }
    let upload = Upload(Arc::new(Mutex::new(Some(multipart))));
    Ok((Request::from_parts(parts, Body::empty()), fields, upload))
}

impl Upload {
    /// The parts that were not read yet; None: somebody has taken them.
    pub(crate) async fn take(&self) -> Option<Multipart> {
        self.0.lock().await.take()
    }
}

/// A part that is text, of at most so many bytes.
pub(crate) async fn text_of(mut field: Field<'_>, most: usize) -> Result<String, Problem> {
    let mut text = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        text.extend_from_slice(&piece);
        if text.len() > most {
            return Err(Problem::too_large(format!("A field of the form is larger than {} KiB.", most / 1024)));
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Why a form broke off.
pub(crate) fn broken(error: MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::too_large("The upload is larger than 256 MiB.")
    } else {
        Problem::bad_request("MULTIPART_INVALID", error.body_text())
    }
}
