//! `/assign`: which devices. Pasted, from a file, or as they were picked on the devices page.

use super::super::devices::{Asked as DevicesAsked, plain};
use super::super::field_errors::{FieldErrors, about};
use super::super::frame::Frame;
use super::super::picked_devices::{Narrowed, kept, narrowed, spooled, spooled_by_filter};
use super::super::upload::{broken, text_of};
use super::super::visitor::Member;
use super::super::wording::{Elsewhere, elsewhere};
use super::super::{encoded, page, see_other, with_status};
use crate::App;
use crate::paging::Filters;
use crate::plans::create::file_name;
use crate::problem::Problem;
use askama::Template;
use axum::extract::multipart::Field;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use intake::Spooled;
use uuid::Uuid;

/// The most bytes of what is pasted: a million ICCIDs are a file.
const MOST_PASTED_BYTES: usize = 2 * 1024 * 1024;

#[derive(Template)]
#[template(path = "assign_devices.html")]
struct Page {
    frame: Frame,
    errors: FieldErrors,
    pasted: String,
    elsewhere: Vec<Elsewhere>,
}

async fn written(app: &App, member: &Member, pasted: String, errors: FieldErrors) -> Result<Page, Problem> {
    let (frame, _) = Frame::of(app, member, "Assign a customer", "/bulk-changes").await?;
    let elsewhere = vec![elsewhere(
        "Plan a change: nothing is sent by it",
        "ascribe plan assign --service-provider SP --customer C --devices sims.csv",
        "POST /api/v1/plans",
    )];
    Ok(Page { frame, errors, pasted, elsewhere })
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {}

pub(crate) async fn show(
    State(app): State<App>,
    member: Member,
    Filters(Asked {}): Filters<Asked>,
) -> Result<Response, Problem> {
    page(&written(&app, &member, String::new(), FieldErrors::default()).await?)
}

/// What a form brought.
#[derive(Default)]
struct Brought {
    pasted: String,
    file: Option<(Option<String>, Spooled)>,
}

/// Takes what was pasted, or a file as it comes.
pub(crate) async fn submit(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let mut brought = Brought::default();
    let kept = match bring(&app, &member, &mut brought).await {
        Ok(()) => keep(&app, &member, &mut brought).await,
        Err(problem) => Err(problem),
    };
    match kept {
        Ok(id) => Ok(see_other(&format!("/assign/{id}"))),
        Err(problem) => {
            let (status, errors) = about(problem, "file")?;
            // What is wrong with the input as a whole is said where it was given.
            let place = if brought.pasted.trim().is_empty() { "file" } else { "pasted" };
            let known = |field: &str| matches!(field, "pasted" | "file");
            let one = |error: super::super::field_errors::FieldError| {
                FieldErrors::one(if known(&error.field) { &error.field } else { place }, error.said)
            };
            let errors = errors.0.into_iter().next().map(one).unwrap_or_default();
            with_status(status, &written(&app, &member, brought.pasted, errors).await?)
        }
    }
}

async fn bring(app: &App, member: &Member, brought: &mut Brought) -> Result<(), Problem> {
    let upload = match &member.visitor.upload {
        Some(upload) => upload.take().await,
        None => None,
    };
    let Some(mut parts) = upload else {
        // A browser that was told multipart/form-data sends it; whoever sends a plain form has no file.
        member.fields().text("pasted").clone_into(&mut brought.pasted);
        return Ok(());
    };
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        match part.name() {
            Some("pasted") => {
                brought.pasted = text_of(part, MOST_PASTED_BYTES).await.map_err(|_| {
                    Problem::field("pasted", "TOO_LARGE", "More than 2 MiB cannot be pasted: choose it as a file.")
                })?;
            }
            Some("file") => brought.file = file(app, part).await?,
            _ => {
                let said = "The form has a part that nobody would read.";
                return Err(Problem::bad_request("MULTIPART_INVALID", said));
            }
        }
    }
    Ok(())
}

/// The file, on disk; none was chosen: a part without a name and without a byte.
async fn file(app: &App, mut part: Field<'_>) -> Result<Option<(Option<String>, Spooled)>, Problem> {
    let name = part.file_name().map(file_name).filter(|name| !name.is_empty());
    let mut writing = app.spool.begin(app.ids.next()).await?;
    let mut bytes = 0;
    while let Some(piece) = part.chunk().await.map_err(broken)? {
        bytes += piece.len();
        writing.write(&piece).await?;
    }
    if name.is_none() && bytes == 0 {
        return Ok(None);
    }
    Ok(Some((name, writing.finish().await?)))
}

async fn keep(app: &App, member: &Member, brought: &mut Brought) -> Result<Uuid, Problem> {
    match (brought.pasted.trim().is_empty(), brought.file.take()) {
        (true, None) => {
            Err(Problem::field("pasted", "INPUT_HAS_NO_ROWS", "Paste ICCIDs here, or choose a file below."))
        }
        (false, Some(_)) => Err(Problem::field(
            "pasted",
            "FIELD_INVALID",
            "There is a list and a file: empty this field, or send the list without a file.",
        )),
        (true, Some((name, file))) => kept(app, member, name, file).await,
        (false, None) => kept(app, member, None, spooled(app, &brought.pasted).await?).await,
    }
}

/// Takes devices as they were picked on `/devices`: those that are ticked, those of the page, or all that the filters leave.
pub(crate) async fn picked(State(app): State<App>, member: Member) -> Result<Response, Problem> {
    let fields = member.fields();
    let uri: Uri = format!("/devices?{}", fields.text("query")).parse().map_err(|_| unknown())?;
    let Query(asked) = Query::<DevicesAsked>::try_from_uri(&uri).map_err(|_| unknown())?;
    let of = fields.text("of");
    let (name, list) = match of {
        "all" => {
            let caller = member.caller().0;
            let seen = database::service_provider::list(&app.ledger, &caller, None, 1_000).await?;
            let Narrowed { filter, .. } = narrowed(&app, &member, &seen, &asked).await?;
            (Some("matching devices".to_owned()), spooled_by_filter(&app, &member, &filter).await?)
        }
        "page" | "ticked" => {
            let field = if of == "page" { "shown" } else { "tick" };
            let lines: String = fields.all(field).filter_map(|iccid| plain(iccid).ok().flatten()).fold(
                String::new(),
                |mut lines, iccid| {
                    lines.push_str(&iccid);
                    lines.push('\n');
                    lines
                },
            );
            if lines.is_empty() {
                let said = "No device was ticked. Go back, tick some, or take all of them.";
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "INPUT_HAS_NO_ROWS", said));
            }
            (None, spooled(&app, &format!("iccid\n{lines}")).await?)
        }
        _ => return Err(unknown()),
    };
    let id = kept(&app, &member, name, list).await?;
    let provider = asked.service_provider.trim();
    let at = if provider.is_empty() { String::new() } else { format!("?service_provider={}", encoded(provider)) };
    Ok(see_other(&format!("/assign/{id}{at}")))
}

fn unknown() -> Problem {
    Problem::bad_request("QUERY_INVALID", "These are no devices of the page.")
}
