//! `ascribe plan`

use super::output::{Column, Output, Printer, one};
use super::{Api, REFUSED, answer};
use crate::settings::Settings;
use anyhow::Context as _;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio_util::io::ReaderStream;

/// What `ascribe plan` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Plan the assignment of a customer to devices; nothing is changed
    Assign(Box<Assign>),
    /// Show a plan
    Get {
        /// The plan's id
        plan: String,
        #[command(flatten)]
        output: Output,
    },
    /// Show a plan's rows: per device, what will happen or why not
    Rows {
        /// The plan's id
        plan: String,
        /// Only CHANGE, NO_CHANGE or REFUSED
        #[arg(long)]
        verdict: Option<String>,
        /// Only this reason
        #[arg(long)]
        reason: Option<String>,
        /// At most this many
        #[arg(long)]
        limit: Option<usize>,
        #[command(flatten)]
        output: Output,
    },
}

/// `ascribe plan assign`
#[derive(Debug, clap::Args)]
pub(crate) struct Assign {
    /// The service provider's id or name; without it, the one that has the SIM or that the file's column names
    #[arg(long)]
    service_provider: Option<String>,
    /// The customer's id, Rev customer id or name; without it, a column of the file names it
    #[arg(long)]
    customer: Option<String>,
    /// The site's id or name, if the customer has several
    #[arg(long)]
    site: Option<String>,
    /// A CSV, XLSX or text file, or - for standard input
    #[arg(long)]
    devices: PathBuf,
    /// What to do with devices of other customers: refuse or replace
    #[arg(long, default_value = "refuse", value_parser = ["refuse", "replace"])]
    on_conflict: String,
    /// With --on-conflict replace: close active lines of other accounts at Rev.io, too
    #[arg(long)]
    disconnect_existing: bool,
    /// Open a line at Rev.io for each SIM, with --package, or with --product and --rate
    #[arg(long)]
    create_rev_service: bool,
    /// The new line's kind, by its id or description at Rev.io
    #[arg(long)]
    service_type: Option<String>,
    /// Who carries it; without it, the package's, or the one that all products share
    #[arg(long)]
    rev_provider: Option<String>,
    /// The package, which brings its products
    #[arg(long)]
    package: Option<String>,
    /// A product; say it again for each
    #[arg(long = "product")]
    products: Vec<String>,
    /// A product's rate, in the order of the products; without any, the products' own
    #[arg(long = "rate")]
    rates: Vec<String>,
    /// Charge the first month in part
    #[arg(long)]
    prorate: bool,
    /// How its usage is rated
    #[arg(long)]
    usage_plan_group: Option<String>,
    /// What the line is called
    #[arg(long)]
    description: Option<String>,
    /// Put the SIM on this line of the customer, in place of a new one
    #[arg(long)]
    service_id: Option<String>,
    #[command(flatten)]
    at_carrier: AtCarrier,
    /// The customer rate plan's code
    #[arg(long)]
    customer_rate_plan: Option<String>,
    /// The pool's name
    #[arg(long)]
    customer_rate_pool: Option<String>,
    /// The data allocation in MB
    #[arg(long)]
    customer_data_allocation_mb: Option<String>,
    /// The date on which plan, pool and allocation take effect, in the tenant's time zone
    #[arg(long)]
    effective_date: Option<String>,
    /// When the change is to start, such as 2027-01-31T22:00
    #[arg(long)]
    start_at: Option<String>,
    /// What a column of the file stands for, where the guess is wrong: HEADING=FIELD, or HEADING= for nothing
    #[arg(long = "column", value_parser = column)]
    columns: Vec<(String, Option<String>)>,
    /// A ticket to find the change by
    #[arg(long)]
    reference: Option<String>,
    /// Send the same key again to get the same answer
    #[arg(long)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// What is asked of the carrier.
#[derive(Debug, clap::Args)]
struct AtCarrier {
    /// The carrier rate plan that active SIMs are to have at their carrier, by its code
    #[arg(long)]
    add_carrier_rate_plan: Option<String>,
    /// The communication plan beside it, at carriers that have any
    #[arg(long, requires = "add_carrier_rate_plan")]
    communication_plan: Option<String>,
    /// Activate SIMs that have no service; with --zip-code and a carrier rate plan, or columns of the file that say so
    #[arg(long)]
    activate: bool,
    /// The carrier rate plan that SIMs are activated with; without it, that of --add-carrier-rate-plan
    #[arg(long, requires = "activate")]
    activation_carrier_rate_plan: Option<String>,
    /// Where the numbers of SIMs that are activated are to be from
    #[arg(long, requires = "activate")]
    zip_code: Option<String>,
    /// The kind of device, where there is no IMEI
    #[arg(long, requires = "activate")]
    sku: Option<String>,
    /// The pool of which SIMs that are activated get a static address
    #[arg(long, requires = "activate")]
    static_ip_pool: Option<String>,
    /// Who uses SIMs that are activated, and where: FIELD=TEXT, said again for each of first_name, last_name, address_line_1,
    /// address_line_2, city, state, zip, country
    #[arg(long = "place-of-use", requires = "activate", value_parser = place_of_use)]
    place_of_use: Vec<(String, String)>,
}

impl AtCarrier {
    /// As the request has it.
    fn asked(&self) -> (Value, Value) {
        let plan = self.add_carrier_rate_plan.as_ref();
        let plan = plan.map(|plan| json!({"carrier_rate_plan": plan, "communication_plan": self.communication_plan}));
        let place: Option<serde_json::Map<String, Value>> = (!self.place_of_use.is_empty())
            .then(|| self.place_of_use.iter().map(|(field, text)| (field.clone(), json!(text))).collect());
        let activate = self.activate.then(|| {
            json!({
                "carrier_rate_plan": self.activation_carrier_rate_plan, "zip_code": self.zip_code, "sku": self.sku, "place_of_use": place,
                "static_ip": self.static_ip_pool.as_ref().map(|pool| json!({"pool": pool})),
            })
        });
        (json!(plan), json!(activate))
    }
}

/// `FIELD=TEXT`
fn place_of_use(text: &str) -> Result<(String, String), String> {
    let (field, text) = text.split_once('=').ok_or("write FIELD=TEXT, such as city=Troy")?;
    Ok((field.to_owned(), text.to_owned()))
}

/// `HEADING=FIELD`
fn column(text: &str) -> Result<(String, Option<String>), String> {
    let (heading, field) = text.rsplit_once('=').ok_or("write HEADING=FIELD, or HEADING= for nothing")?;
    Ok((heading.to_owned(), (!field.is_empty()).then(|| field.to_owned())))
}

pub(crate) const PLAN_COLUMNS: &[Column] = &[
    ("Plan", "/id"),
    ("Status", "/status"),
    ("Details", "/status_details"),
    ("Service provider", "/service_provider/name"),
    ("Customer", "/request/customer"),
    ("Rows", "/counts/rows"),
    ("Change", "/counts/change"),
    ("No change", "/counts/no_change"),
    ("Refused", "/counts/refused"),
    ("By reason", "/counts/by_reason"),
    ("Columns", "/columns"),
    ("Steps", "/side_effects"),
    ("Takes", "/eta"),
    ("At the carrier", "/at_carrier"),
    ("Warnings", "/warnings"),
    ("Starts", "/start_at"),
    ("Expires", "/expires_at"),
];

const ROW_COLUMNS: &[Column] = &[
    ("Row", "/row"),
    ("Input", "/input"),
    ("ICCID", "/iccid"),
    ("Verdict", "/verdict"),
    ("Reason", "/reason"),
    ("Detail", "/detail"),
    ("Fix", "/fix"),
    ("Customer before", "/before/customer/name"),
    ("Customer after", "/after/customer/name"),
    ("Plan before", "/before/customer_rate_plan"),
    ("Plan after", "/after/customer_rate_plan"),
    ("Effective", "/effective_date"),
    ("Steps", "/steps"),
    ("Package", "/after/billing/opens/package/description"),
    ("Products", "/after/billing/opens/products"),
    ("Line", "/after/billing/uses/rev_service_id"),
    ("Closes", "/after/billing/closes"),
    ("Carrier plan before", "/after/carrier/carrier_rate_plan/before"),
    ("Carrier plan after", "/after/carrier/carrier_rate_plan/after"),
    ("Plan changes this month", "/after/carrier/carrier_rate_plan/changes_this_month"),
    ("Activated with", "/after/carrier/activates/carrier_rate_plan"),
];

/// Runs it.
pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let api = Api::from_settings(settings)?;
    match command {
        Command::Assign(assign) => {
            let (add_carrier_rate_plan, activate) = assign.at_carrier.asked();
            let request = json!({
                "add_carrier_rate_plan": add_carrier_rate_plan, "activate": activate,
                "change_type": "CustomerAssignment", "service_provider": assign.service_provider, "customer": assign.customer, "site": assign.site,
                "on_conflict": assign.on_conflict, "customer_rate_plan": assign.customer_rate_plan, "customer_rate_pool": assign.customer_rate_pool,
                "customer_data_allocation_mb": assign.customer_data_allocation_mb, "reference": assign.reference,
                "effective_date": assign.effective_date, "start_at": assign.start_at,
                "disconnect_existing": assign.disconnect_existing, "create_rev_service": assign.create_rev_service,
                "service_type": assign.service_type, "rev_provider": assign.rev_provider, "package": assign.package,
                "products": assign.products, "rates": assign.rates, "prorate": assign.prorate,
                "usage_plan_group": assign.usage_plan_group, "description": assign.description, "service_id": assign.service_id,
                "columns": assign.columns.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            });
            let made = make(&api, &request, &assign.devices, assign.idempotency_key.as_deref()).await?;
            let plan = wait_until_planned(&api, made).await?;
            one(assign.output, PLAN_COLUMNS, &plan)?;
            // A file that mixes service providers became several plans, each to be applied by itself.
            for linked in plan["linked"].as_array().into_iter().flatten() {
                let id = linked["id"].as_str().unwrap_or_default();
                one(assign.output, PLAN_COLUMNS, &api.get(&format!("/plans/{id}"), &[]).await?)?;
            }
            let nothing = plan["status"] != "PLANNED" || plan["counts"]["refused"] == plan["counts"]["rows"];
            Ok(if nothing { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
        }
        Command::Get { plan, output } => {
            one(output, PLAN_COLUMNS, &api.get(&format!("/plans/{plan}"), &[]).await?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Rows { plan, verdict, reason, limit, output } => {
            let mut query = Vec::new();
            query.extend(verdict.as_deref().map(|v| ("verdict", v)));
            query.extend(reason.as_deref().map(|r| ("reason", r)));
            let mut printer = Printer::new(output, ROW_COLUMNS)?;
            api.each(&format!("/plans/{plan}/rows"), &query, limit, |row| printer.item(row)).await?;
            printer.finish()?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Sends a request and its file, streamed.
pub(crate) async fn make(
    api: &Api,
    request: &Value,
    devices: &Path,
    idempotency_key: Option<&str>,
) -> anyhow::Result<Value> {
    let (body, name) = if devices == Path::new("-") {
        (Body::wrap_stream(ReaderStream::new(tokio::io::stdin())), "standard-input.csv".to_owned())
    } else {
        let file =
            tokio::fs::File::open(devices).await.with_context(|| format!("cannot open {}", devices.display()))?;
        let name = devices.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        (Body::wrap_stream(ReaderStream::with_capacity(file, 256 * 1024)), name)
    };
    let form = Form::new()
        .part("request", Part::text(request.to_string()).mime_str("application/json")?)
        .part("devices", Part::stream(body).file_name(name).mime_str("application/octet-stream")?);
    let mut sending = api.request(Method::POST, "/plans").multipart(form);
    if let Some(key) = idempotency_key {
        sending = sending.header("Idempotency-Key", key);
    }
    answer(sending.send().await).await
}

/// A plan over many rows is 202 first; this asks until it is made.
pub(crate) async fn wait_until_planned(api: &Api, mut plan: Value) -> anyhow::Result<Value> {
    let bar = indicatif::ProgressBar::with_draw_target(None, indicatif::ProgressDrawTarget::stderr());
    if let Ok(style) = indicatif::ProgressStyle::with_template("{bar:40} {pos}/{len} rows judged") {
        bar.set_style(style);
    }
    while plan["status"] == "PLANNING" {
        bar.set_length(plan["progress"]["rows_read"].as_u64().unwrap_or(0));
        bar.set_position(plan["progress"]["rows_judged"].as_u64().unwrap_or(0));
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let id = plan["id"].as_str().unwrap_or_default().to_owned();
        plan = api.get(&format!("/plans/{id}"), &[]).await?;
    }
    bar.finish_and_clear();
    Ok(plan)
}
