//! `ascribe apply` and `ascribe change`

use super::output::{Column, Output, Printer, one};
use super::watching::watch;
use super::{Api, FAILED_ROWS, NEEDS_ATTENTION, answer};
use crate::settings::Settings;
use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

/// `ascribe apply`
#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    /// The plan's id
    plan: String,
    /// Wait until nothing is left to do
    #[arg(long)]
    wait: bool,
    /// Send the same key again to get the same answer
    #[arg(long)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// What `ascribe change` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List bulk changes, newest first
    List {
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        output: Output,
    },
    /// Show a bulk change
    Get {
        /// Its id
        change: String,
        #[command(flatten)]
        output: Output,
    },
    /// Show a bulk change's rows: the ledger
    Rows {
        /// Its id
        change: String,
        /// Only this status
        #[arg(long)]
        status: Option<String>,
        /// Only this reason
        #[arg(long)]
        reason: Option<String>,
        /// At most this many
        #[arg(long)]
        limit: Option<usize>,
        #[command(flatten)]
        output: Output,
    },
    /// Show what was done for one row: every attempt at every step
    Log {
        /// Its id
        change: String,
        /// The row's number
        row: i32,
        #[command(flatten)]
        output: Output,
    },
    /// Begin no further chunk
    Pause(One),
    /// Go on with what was paused
    Resume(One),
    /// Cancel the rows that have not begun; what is done stays done
    Cancel(One),
    /// Plan the rows that were not done once more; nothing is changed before `apply`
    Retry(One),
    /// Plan a finished change backwards; nothing is changed before `apply`
    Undo(One),
    /// Close rows that need attention, as processed or failed, and say why
    Resolve {
        /// Its id
        change: String,
        /// A row's number; several times for several rows
        #[arg(long = "row", required = true)]
        rows: Vec<i32>,
        /// What is decided; nothing is sent without a fresh look
        #[arg(long, value_parser = ["processed", "failed", "look_again", "adopt", "send_again", "take_back"])]
        outcome: String,
        /// With adopt: the provider's id of what was made
        #[arg(long)]
        adopt: Option<i64>,
        /// Why you think so
        #[arg(long)]
        reason: String,
        /// More
        #[arg(long, default_value = "")]
        comment: String,
        #[command(flatten)]
        output: Output,
    },
    /// Write the result file: the input's own columns and what became of each row; it can be sent again as it is
    Export {
        /// Its id, or a plan's
        change: String,
        /// Only rows of this status
        #[arg(long)]
        status: Option<String>,
        /// Only rows with this reason
        #[arg(long)]
        reason: Option<String>,
        /// The file to write, as a workbook if its name ends in .xlsx; without it, CSV to standard output
        #[arg(long)]
        file: Option<std::path::PathBuf>,
    },
    /// Watch a bulk change until nothing is left to do
    Watch {
        /// Its id
        change: String,
        #[command(flatten)]
        output: Output,
    },
}

/// One bulk change.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// Its id
    change: String,
    #[command(flatten)]
    output: Output,
}

const CHANGE_COLUMNS: &[Column] = &[
    ("Change", "/id"),
    ("Status", "/status"),
    ("Service provider", "/service_provider/name"),
    ("Customer", "/request/customer"),
    ("Planned", "/counts/planned"),
    ("Ok", "/counts/ok"),
    ("Failed", "/counts/failed"),
    ("Skipped", "/counts/skipped"),
    ("Cancelled", "/counts/cancelled"),
    ("Needs attention", "/counts/needs_attention"),
    ("To do", "/counts/to_do"),
    ("Reference", "/reference"),
    ("Starts", "/start_at"),
    ("Waiting for their date", "/schedule/pending"),
    ("Applied", "/applied_at"),
    ("Ended", "/processed_date"),
];

const ROW_COLUMNS: &[Column] = &[
    ("Row", "/row"),
    ("Input", "/input"),
    ("ICCID", "/iccid"),
    ("Status", "/status"),
    ("Reason", "/reason"),
    ("Detail", "/detail"),
    ("Fix", "/fix"),
    ("Attempts", "/attempts"),
    ("Effective", "/effective_date"),
    ("Schedule", "/schedule/status"),
    ("Ended", "/processed_date"),
];

const LOG_COLUMNS: &[Column] = &[
    ("When", "/at"),
    ("Attempt", "/attempt"),
    ("Step", "/step"),
    ("Status", "/status"),
    ("Error", "/error"),
    ("Request", "/request"),
    ("Response", "/response"),
];

/// `ascribe apply`
pub(crate) async fn apply(settings: &Settings, apply: Apply) -> anyhow::Result<ExitCode> {
    let api = Api::from_settings(settings)?;
    let change = send(&api, &apply.plan, apply.idempotency_key.as_deref()).await?;
    let change = if apply.wait { watch(&api, change["id"].as_str().unwrap_or(&apply.plan)).await? } else { change };
    one(apply.output, CHANGE_COLUMNS, &change)?;
    Ok(if apply.wait { verdict(&change) } else { ExitCode::SUCCESS })
}

/// Applies a plan.
pub(crate) async fn send(api: &Api, plan: &str, idempotency_key: Option<&str>) -> anyhow::Result<Value> {
    let mut sending = api.request(Method::POST, "/bulk-changes").json(&json!({ "plan_id": plan }));
    if let Some(key) = idempotency_key {
        sending = sending.header("Idempotency-Key", key);
    }
    answer(sending.send().await).await
}

/// `ascribe change`
pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let api = Api::from_settings(settings)?;
    match command {
        Command::List { limit, output } => {
            let mut printer = Printer::new(output, CHANGE_COLUMNS)?;
            api.each("/bulk-changes", &[], Some(limit), |change| printer.item(change)).await?;
            printer.finish()?;
        }
        Command::Get { change, output } => {
            one(output, CHANGE_COLUMNS, &api.get(&format!("/bulk-changes/{change}"), &[]).await?)?
        }
        Command::Rows { change, status, reason, limit, output } => {
            let mut query = Vec::new();
            query.extend(status.as_deref().map(|s| ("status", s)));
            query.extend(reason.as_deref().map(|r| ("reason", r)));
            let mut printer = Printer::new(output, ROW_COLUMNS)?;
            api.each(&format!("/bulk-changes/{change}/rows"), &query, limit, |row| printer.item(row)).await?;
            printer.finish()?;
        }
        Command::Log { change, row, output } => {
            let mut printer = Printer::new(output, LOG_COLUMNS)?;
            let path = format!("/bulk-changes/{change}/rows/{row}/log");
            if let Value::Array(entries) = api.get(&path, &[]).await?["items"].take() {
                entries.into_iter().try_for_each(|entry| printer.item(entry))?;
            }
            printer.finish()?;
        }
        Command::Pause(one) => act(&api, &one, "pause").await?,
        Command::Resume(one) => act(&api, &one, "resume").await?,
        Command::Cancel(one) => act(&api, &one, "cancel").await?,
        Command::Retry(one) => plan_again(&api, &one, "retry").await?,
        Command::Undo(one) => plan_again(&api, &one, "undo").await?,
        Command::Resolve { change, rows, outcome, adopt, reason, comment, output } => {
            let mut body = json!({ "rows": rows, "outcome": outcome, "reason": reason, "comment": comment });
            if let Some(adopt) = adopt {
                body["adopt"] = json!(adopt);
            }
            let sent = api.request(Method::POST, &format!("/bulk-changes/{change}/resolve")).json(&body).send().await;
            one(output, CHANGE_COLUMNS, &answer(sent).await?)?;
        }
        Command::Export { change, status, reason, file } => {
            let mut query = Vec::new();
            query.extend(status.as_deref().map(|s| ("status", s)));
            query.extend(reason.as_deref().map(|r| ("reason", r)));
            export(&api, &change, &query, file.as_deref()).await?;
        }
        Command::Watch { change, output } => {
            let change = watch(&api, &change).await?;
            one(output, CHANGE_COLUMNS, &change)?;
            return Ok(verdict(&change));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Streams a result file to where it is wanted.
async fn export(api: &Api, change: &str, query: &[(&str, &str)], file: Option<&std::path::Path>) -> anyhow::Result<()> {
    use std::io::Write as _;
    let is_workbook = file.and_then(|path| path.extension()).is_some_and(|end| end.eq_ignore_ascii_case("xlsx"));
    let kind = if is_workbook { "xlsx" } else { "csv" };
    let sent = api.request(Method::GET, &format!("/bulk-changes/{change}/results.{kind}")).query(query).send().await;
    let mut response = super::streamed(sent).await?;
    let mut out: Box<dyn std::io::Write + Send> = match file {
        Some(path) => {
            Box::new(std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?)
        }
        None => Box::new(std::io::stdout()),
    };
    while let Some(piece) = response.chunk().await.context("the file broke off; it is not whole")? {
        out.write_all(&piece)?;
    }
    Ok(out.flush()?)
}

/// Pauses, resumes or cancels, and shows the change as it is then.
async fn act(api: &Api, asked: &One, what: &str) -> anyhow::Result<()> {
    let change =
        answer(api.request(Method::POST, &format!("/bulk-changes/{}/{what}", asked.change)).send().await).await?;
    one(asked.output, CHANGE_COLUMNS, &change)
}

/// Makes a plan from a finished change, and shows it.
async fn plan_again(api: &Api, asked: &One, what: &str) -> anyhow::Result<()> {
    let made =
        answer(api.request(Method::POST, &format!("/bulk-changes/{}/{what}", asked.change)).send().await).await?;
    one(asked.output, super::plan::PLAN_COLUMNS, &super::plan::wait_until_planned(api, made).await?)
}

/// What a finished change means for a script.
fn verdict(change: &Value) -> ExitCode {
    let count = |name: &str| change["counts"][name].as_u64().unwrap_or(0);
    if count("needs_attention") > 0 {
        ExitCode::from(NEEDS_ATTENTION)
    } else if count("ok") < count("planned") {
        ExitCode::from(FAILED_ROWS)
    } else {
        ExitCode::SUCCESS
    }
}
