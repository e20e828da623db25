//! Imports: a file goes up as it is read, with a progress bar; what became of its rows comes back.

use super::output::{Column, Output, Printer, one};
use super::{Api, FAILED_ROWS, answer};
use anyhow::Context as _;
use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::{Body, Method};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio_util::io::ReaderStream;

/// The file of an import.
#[derive(Debug, clap::Args)]
#[group(id = "import_file")]
pub(crate) struct Import {
    /// A CSV or XLSX file with a row of headings; - reads standard input
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

const TALLY: &[Column] = &[
    ("Rows", "/rows"),
    ("Created", "/created"),
    ("Updated", "/updated"),
    ("Unchanged", "/unchanged"),
    ("Refused", "/refused"),
    ("Columns used", "/columns_used"),
    ("Columns ignored", "/columns_ignored"),
];
const REFUSALS: &[Column] =
    &[("Row", "/row"), ("Field", "/field"), ("Code", "/code"), ("Detail", "/detail"), ("Fix", "/fix")];

/// Sends the file. 3: rows were refused; they are told on stderr, or in the JSON.
pub(crate) async fn import(api: &Api, path: &str, query: &[(&str, &str)], import: Import) -> anyhow::Result<ExitCode> {
    let (body, bar) = body(&import.file).await?;
    let sent = api.request(Method::POST, path).query(query).header("Content-Type", "text/csv").body(body).send();
    let done = answer(sent.await).await;
    bar.finish_and_clear();
    let done = done?;
    one(import.output, TALLY, &done)?;
    if import.output.is_for_people() {
        tell_refusals(&done)?;
    }
    let refused = done["refused"].as_u64().unwrap_or(0) > 0;
    Ok(if refused { ExitCode::from(FAILED_ROWS) } else { ExitCode::SUCCESS })
}

fn tell_refusals(done: &Value) -> anyhow::Result<()> {
    let refusals = done["refusals"].as_array().map(Vec::as_slice).unwrap_or_default();
    if refusals.is_empty() {
        return Ok(());
    }
    let mut printer = Printer::table(REFUSALS);
    refusals.iter().take(20).try_for_each(|refusal| printer.item(refusal.clone()))?;
    printer.finish()?;
    if refusals.len() > 20 {
        eprintln!("… and more; -o json tells the first thousand.");
    }
    Ok(())
}

/// The file as it is read, and a bar that says how far it is.
async fn body(file: &Path) -> anyhow::Result<(Body, ProgressBar)> {
    if file == Path::new("-") {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        return Ok((Body::wrap_stream(ReaderStream::new(tokio::io::stdin())), bar));
    }
    let opened = tokio::fs::File::open(file).await.with_context(|| format!("cannot read {}", file.display()))?;
    let bar = ProgressBar::with_draw_target(Some(opened.metadata().await?.len()), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left") {
        bar.set_style(style);
    }
    let moving = bar.clone();
    let pieces = ReaderStream::new(opened).inspect(move |piece| {
        if let Ok(piece) = piece {
            moving.inc(piece.len() as u64);
        }
    });
    Ok((Body::wrap_stream(pieces), bar))
}
