//! The OpenAPI 3.1 document, made from the handlers themselves, and what holds for all of them: the key, and the refusals.

use crate::problem::ProblemBody;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};

/// What the document says of the whole.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Ascribe",
        description = "Assigns customers to SIM devices in bulk: plan, proof, undo.\n\nEvery list answers `{items, next_cursor}` and takes `limit` (1 to 1000) and `cursor`. With `Accept: text/csv` or `application/x-ndjson` a page comes in that format; where the list goes on is then in `Link` (`rel=\"next\"`) and `X-Next-Cursor`. Answers are packed (gzip, br) for clients that say so. Every refusal is `application/problem+json` (RFC 9457) with a stable `code`. A POST that starts work takes an `Idempotency-Key`, kept for seven days for the API key that sent it. An edit needs `If-Match` with the ETag that was last seen. ICCIDs are text. Unknown fields and filters are refused.\n\nA key may ask so many times a second; `RateLimit` says how much is left, 429 and `Retry-After` when to come back. A JSON body has at most 1 MiB, a file 256 MiB and 1,000,000 rows; more is 413.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/api/v1")),
    modifiers(&WhatHoldsForAll),
    components(schemas(ProblemBody, crate::problem::FieldProblem)),
    security(("api_key" = [])),
)]
pub(crate) struct Document;

struct WhatHoldsForAll;

impl Modify for WhatHoldsForAll {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let refusals = [
            ("BadRequest", "What was sent cannot be read: JSON, a query, a cursor, a header."),
            ("Unauthorized", "No valid API key."),
            ("Forbidden", "The key may not do that."),
            ("NotFound", "There is nothing here, or nothing of yours."),
            ("Conflict", "It is not in a state for this, or the name is taken, or the key is in flight."),
            ("PreconditionFailed", "It is not what you last saw."),
            ("TooLarge", "More bytes or rows than are taken."),
            ("MediaTypeNotSupported", "Send another content type."),
            ("Unprocessable", "What was asked for cannot be done; `errors` names the field."),
            ("PreconditionRequired", "If-Match is missing."),
            ("TooManyRequests", "Come back when Retry-After says."),
            ("Unavailable", "The database is not there right now; nothing was lost."),
        ];
        for (name, description) in refusals {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let response =
                ResponseBuilder::new().description(description).content("application/problem+json", content).build();
            components.responses.insert(name.to_owned(), RefOr::T(response));
        }
    }
}

/// The document before any path is in it.
pub(crate) fn document() -> OpenApi {
    Document::openapi()
}

/// Adds to each operation the refusals that it may answer.
pub(crate) fn with_refusals(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        let has_id = path.contains('{');
        let PathItem { get, post, put, patch, delete, .. } = item;
        for (operation, writes) in [(get, false), (post, true), (put, true), (patch, true), (delete, true)] {
            let Some(operation) = operation else { continue };
            let edits = operation.parameters.iter().flatten().any(|parameter| match parameter {
                RefOr::T(parameter) => parameter.name == "If-Match",
                RefOr::Ref(_) => false,
            });
            let has_body = operation.request_body.is_some();
            let mut may = vec![("400", "BadRequest"), ("401", "Unauthorized"), ("403", "Forbidden")];
            may.extend((has_id || path == "/bulk-changes").then_some(("404", "NotFound")));
            may.extend(writes.then_some(("409", "Conflict")));
            may.extend(
                edits.then_some([("412", "PreconditionFailed"), ("428", "PreconditionRequired")]).into_iter().flatten(),
            );
            may.extend(has_body.then_some(("413", "TooLarge")));
            may.extend((path == "/plans" && has_body).then_some(("415", "MediaTypeNotSupported")));
            may.extend(writes.then_some(("422", "Unprocessable")));
            may.extend([("429", "TooManyRequests"), ("503", "Unavailable")]);
            add(operation, &may);
        }
    }
    document
}

fn add(operation: &mut Operation, may: &[(&str, &str)]) {
    for (status, name) in may {
        let response = RefOr::Ref(Ref::new(format!("#/components/responses/{name}")));
        operation.responses.responses.entry((*status).to_owned()).or_insert(response);
    }
}
