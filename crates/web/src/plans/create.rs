//! `POST /plans`: a request and its devices become a stored preview. Nothing is changed.
//!
//! `application/json` carries everything (up to 1 MiB). `multipart/form-data` carries the same JSON without devices as the
//! part `request`, first, and a CSV, XLSX or text file as the part `devices` (up to 256 MiB and 1,000,000 rows).
//! 201 when the plan is made; 202 with status PLANNING when that takes longer.

use crate::auth::Caller;
use crate::idempotency;
use crate::problem::Problem;
use crate::{App, MOST_JSON_BYTES};
use axum::body::{Body, to_bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use domain::associate_customer::AssociateCustomer;
use domain::input_field::InputField;
use domain::overrides::Overrides;
use intake::{Input, ListedDevice, Spooled};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A carrier rate plan.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the shape of a part of a body that is read by hand, for the document")]
pub(crate) struct NewCarrierRatePlan {
    /// By code, or by its friendly name if one alone has it.
    carrier_rate_plan: String,
    /// At carriers that have any.
    communication_plan: Option<String>,
}

/// What SIMs are activated with. Rows may name each of these by themselves, and their `imei`; not the place of use.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the shape of a part of a body that is read by hand, for the document")]
pub(crate) struct NewActivation {
    /// Not said: that of `add_carrier_rate_plan`.
    carrier_rate_plan: Option<String>,
    /// Where their numbers are to be from; five digits, or nine with a hyphen.
    zip_code: Option<String>,
    /// The kind of device, where there is no IMEI.
    sku: Option<String>,
    place_of_use: Option<NewPlaceOfUse>,
    static_ip: Option<NewStaticIp>,
}

/// Who uses a SIM, and where.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the shape of a part of a body that is read by hand, for the document")]
pub(crate) struct NewPlaceOfUse {
    first_name: String,
    last_name: String,
    address_line_1: String,
    address_line_2: Option<String>,
    city: String,
    state: String,
    zip: String,
    /// `US` if it is not said.
    country: Option<String>,
}

/// A static address for each SIM that is activated.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the shape of a part of a body that is read by hand, for the document")]
pub(crate) struct NewStaticIp {
    /// Of this pool at the carrier.
    pool: String,
}

/// A request for a plan, with its devices. More fields: docs, and the section "Asking for a plan".
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the shape of a body that is read by hand, for the document")]
pub(crate) struct NewPlan {
    /// `CustomerAssignment`.
    change_type: String,
    /// By name or id; not said: each row's, or what its ICCID tells.
    service_provider: Option<String>,
    /// Our id, a `rev_customer_id`, or a name that is one customer's alone.
    customer: Option<String>,
    /// One of the customer's sites, by name or id.
    site: Option<String>,
    /// By code.
    customer_rate_plan: Option<String>,
    /// By name.
    customer_rate_pool: Option<String>,
    /// Megabytes, as a number or as text.
    #[schema(value_type = Option<String>)]
    customer_data_allocation_mb: Option<String>,
    /// A date such as 2026-03-31, in the tenant's time zone.
    effective_date: Option<String>,
    /// When the change is to start: a moment, or a date and time in the tenant's time zone.
    start_at: Option<String>,
    /// `refuse` (if not said) or `replace`, where a SIM is another customer's.
    on_conflict: Option<String>,
    /// With `on_conflict: replace`: close active lines of other accounts at Rev.io, too.
    disconnect_existing: Option<bool>,
    /// Open a line at Rev.io for each SIM: with a package, or with products and their rates. Things of Rev.io are named by their
    /// id there, or by their exact description if one alone has it.
    create_rev_service: Option<bool>,
    /// The new line's kind.
    service_type: Option<String>,
    /// Who carries it; not said: the package's, or the one that all products share.
    rev_provider: Option<String>,
    /// The package, which brings its products.
    package: Option<String>,
    /// The products: a list, or text with semicolons between them.
    #[schema(value_type = Option<Vec<String>>)]
    products: Option<Vec<String>>,
    /// One rate for each, the same way; not said: the products' own.
    #[schema(value_type = Option<Vec<String>>)]
    rates: Option<Vec<String>>,
    /// Charge the first month in part.
    prorate: Option<bool>,
    /// How its usage is rated.
    usage_plan_group: Option<String>,
    /// What the line is called, at most 1,000 characters.
    description: Option<String>,
    /// Put the SIM on this line of the customer, in place of a new one.
    service_id: Option<String>,
    /// The carrier rate plan that active SIMs are to have at their carrier.
    add_carrier_rate_plan: Option<NewCarrierRatePlan>,
    /// Activate SIMs that have no service yet, or none any more, with this. Those that are active stay as they are.
    activate: Option<NewActivation>,
    /// Your ticket's number.
    reference: Option<String>,
    /// Corrects which column stands for which field: {heading: field, or null for none}.
    #[schema(value_type = Option<Object>)]
    columns: Option<Value>,
    /// ICCIDs, ranges of them, or subscriber numbers, as text; or objects with `iccid` or `msisdn` and what is asked for that
    /// one alone.
    #[schema(value_type = Vec<Value>)]
    devices: Vec<Value>,
}

/// Plan: what a change would do to each device. Nothing is changed
///
/// `application/json` carries everything, up to 1 MiB. `multipart/form-data` carries the same JSON without `devices` as the
/// part `request`, first, and a CSV, XLSX or text file as the part `devices`, up to 256 MiB and 1,000,000 rows. 201 when the
/// plan is made, 202 with status PLANNING while that takes longer; `Prefer: wait=20` says how long to wait.
#[utoipa::path(post, path = "/plans", tag = "Plans", operation_id = "create_plan",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255), ("Prefer" = Option<String>, Header)),
    request_body(content((NewPlan = "application/json"))),
    responses((status = CREATED, body = super::Plan, headers(("Location" = String))),
        (status = ACCEPTED, body = super::Plan, headers(("Location" = String), ("Retry-After" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    request: Request,
) -> Result<Response, Problem> {
    let (key, wait) = (idempotency::key(request.headers())?, idempotency::wait(request.headers()));
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let (asked, input, fingerprint) = if content_type.starts_with("multipart/form-data") {
        let multipart = Multipart::from_request(request, &())
            .await
            .map_err(|rejection| Problem::bad_request("MULTIPART_INVALID", rejection.body_text()))?;
        read_multipart(&app, multipart).await?
    } else if content_type.starts_with("application/json") {
        read_json(&app, request.into_body()).await?
    } else {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "MEDIA_TYPE_NOT_SUPPORTED",
            "Send application/json or multipart/form-data.",
        ));
    };
    let worker = app.clone();
    let work = async move {
        let planning = worker.planner.begin(caller, asked, input).await?;
        super::make(&worker, &caller, planning, wait).await
    };
    idempotency::once(&app, caller, "POST /plans", key, fingerprint, work, crate::plans::tell_again(&app, caller)).await
}

type Parts = (AssociateCustomer, Input, [u8; 32]);

async fn read_json(app: &App, body: Body) -> Result<Parts, Problem> {
    let bytes = to_bytes(body, MOST_JSON_BYTES).await.map_err(|_| {
        Problem::too_large("The JSON body is larger than 1 MiB, or broke off; send the devices as a file.")
    })?;
    let mut json: Value =
        serde_json::from_slice(&bytes).map_err(|error| Problem::bad_request("JSON_INVALID", error.to_string()))?;
    let fingerprint = Sha256::digest(json.to_string()).into();
    let devices = json.as_object_mut().and_then(|fields| fields.remove("devices"));
    let asked = AssociateCustomer::read(json)?;
    let Some(Value::Array(devices)) = devices else {
        return Err(Problem::field("devices", "FIELD_MISSING", "The field devices is missing or not a list."));
    };
    if devices.is_empty() {
        return Err(Problem::field("devices", "INPUT_HAS_NO_ROWS", "The list of devices is empty."));
    }
    let devices: Vec<ListedDevice> =
        devices.into_iter().enumerate().map(|(index, device)| listed(index, device)).collect::<Result<_, _>>()?;
    let spooled = app.spool.list(app.ids.next(), &devices).await?;
    Ok((asked, Input { spooled, name: None }, fingerprint))
}

/// A device is its ICCID or subscriber number as text, or an object with it and with what is asked for it alone.
fn listed(index: usize, device: Value) -> Result<ListedDevice, Problem> {
    let field = format!("devices/{index}");
    let mut fields = match device {
        Value::String(device) => {
            return Ok(ListedDevice { device, named_by: InputField::Device, overrides: Vec::new() });
        }
        // Numbers lose digits in most programs on the way; as text they do not.
        Value::Number(_) => {
            return Err(Problem::field(&field, "FIELD_INVALID", "An ICCID is text, not a number: put it in quotes."));
        }
        Value::Object(fields) => fields,
        _ => return Err(Problem::field(&field, "FIELD_INVALID", "A device is text or an object with iccid.")),
    };
    let by = [InputField::Iccid, InputField::Msisdn, InputField::Device];
    let named = by.map(|by| (by, fields.remove(by.word()).unwrap_or(Value::Null)));
    let mut named = named.into_iter().filter(|(_, value)| !value.is_null());
    let (named_by, device) = match (named.next(), named.next()) {
        (Some((by, Value::String(text))), None) => (by, text),
        (Some((by, _)), None) => {
            let at = format!("{field}/{}", by.word());
            return Err(Problem::field(&at, "FIELD_INVALID", "A device is named by text: put it in quotes."));
        }
        (Some(_), Some((by, _))) => {
            let at = format!("{field}/{}", by.word());
            return Err(Problem::field(&at, "FIELD_INVALID", "A device is named once: by its iccid or by its msisdn."));
        }
        (None, _) => {
            let at = format!("{field}/iccid");
            return Err(Problem::field(&at, "FIELD_MISSING", "A device needs its iccid or msisdn, as text."));
        }
    };
    let mut overrides = Vec::new();
    for (name, value) in fields {
        let at = format!("{field}/{}", name.chars().take(64).collect::<String>());
        let known = InputField::from_word(&name);
        let of_a_row = |f: &InputField| {
            matches!(f, InputField::ServiceProvider | InputField::Imei) || Overrides::default().field(*f).is_some()
        };
        let known = known.filter(of_a_row);
        let Some(known) = known else {
            if domain::associate_customer::NOT_SUPPORTED_YET.contains(&name.as_str()) {
                return Err(Problem::field(&at, "FIELD_NOT_SUPPORTED_YET", "This field is not supported yet."));
            }
            return Err(Problem::field(&at, "FIELD_UNKNOWN", "This is not a field that a device can have."));
        };
        match value {
            Value::Null => {}
            Value::String(text) => overrides.push((known, text)),
            Value::Number(number) => overrides.push((known, number.to_string())),
            Value::Array(items) if matches!(known, InputField::Products | InputField::Rates) => {
                overrides.push((known, joined(&at, items)?));
            }
            _ => return Err(Problem::field(&at, "FIELD_INVALID", "An override is text or a number.")),
        }
    }
    Ok(ListedDevice { device, named_by, overrides })
}

/// A list as a cell has it: with semicolons between its entries, which therefore have none.
fn joined(at: &str, items: Vec<Value>) -> Result<String, Problem> {
    let one = |item: Value| match item {
        Value::Null => Ok(String::new()),
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) if !text.contains(';') => Ok(text),
        _ => Err(Problem::field(at, "FIELD_INVALID", "An entry is a number, or text without a semicolon.")),
    };
    Ok(items.into_iter().map(one).collect::<Result<Vec<_>, _>>()?.join(";"))
}

async fn read_multipart(app: &App, mut multipart: Multipart) -> Result<Parts, Problem> {
    let order = || Problem::bad_request("MULTIPART_INVALID", "Send the part request first, then the part devices.");
    let request = multipart
        .next_field()
        .await
        .map_err(broken)?
        .filter(|field| field.name() == Some("request"))
        .ok_or_else(order)?;
    let text = small(request).await?;
    let json: Value =
        serde_json::from_slice(&text).map_err(|error| Problem::bad_request("JSON_INVALID", error.to_string()))?;
    let mut fingerprint = Sha256::new();
    fingerprint.update(json.to_string());
    if json.get("devices").is_some_and(|devices| !devices.is_null()) {
        return Err(Problem::field(
            "devices",
            "FIELD_INVALID",
            "The devices are the part devices, not a field of the request.",
        ));
    }
    let asked = AssociateCustomer::read(json)?;
    let devices = multipart
        .next_field()
        .await
        .map_err(broken)?
        .filter(|field| field.name() == Some("devices"))
        .ok_or_else(order)?;
    let name = devices.file_name().map(file_name).filter(|name| !name.is_empty());
    let spooled = spool(app, devices).await?;
    if multipart.next_field().await.map_err(broken)?.is_some() {
        return Err(Problem::bad_request("MULTIPART_INVALID", "There is a part after devices; nobody would read it."));
    }
    fingerprint.update(spooled.sha256());
    Ok((asked, Input { spooled, name }, fingerprint.finalize().into()))
}

async fn small(mut field: Field<'_>) -> Result<Vec<u8>, Problem> {
    let mut text = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        text.extend_from_slice(&piece);
        if text.len() > MOST_JSON_BYTES {
            return Err(Problem::too_large("The part request is larger than 1 MiB."));
        }
    }
    Ok(text)
}

async fn spool(app: &App, mut field: Field<'_>) -> Result<Spooled, Problem> {
    let mut writing = app.spool.begin(app.ids.next()).await?;
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        writing.write(&piece).await?;
    }
    Ok(writing.finish().await?)
}

/// The name without folders and control characters.
pub(crate) fn file_name(text: &str) -> String {
    text.rsplit(['/', '\\']).next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(128).collect()
}

fn broken(error: MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::too_large("The upload is larger than 256 MiB.")
    } else {
        Problem::bad_request("MULTIPART_INVALID", error.body_text())
    }
}
