//! A result file as a workbook: every cell is text, so that no spreadsheet rounds an ICCID or runs what somebody wrote. Rows go
//! to disk as they come: what is in memory does not grow with them.

use crate::results::Results;
use crate::spool::Spool;
use database::DatabaseError;
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use tokio::sync::mpsc;

/// Why a workbook could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsWorkbookError {
    /// The rows could not be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The workbook, or the disk it is written on.
    #[error("the workbook could not be written")]
    Workbook(#[from] XlsxError),
    /// The disk.
    #[error("the workbook could not be written to disk")]
    Io(#[from] std::io::Error),
    /// The task that wrote it ended without a word.
    #[error("writing the workbook was interrupted")]
    Interrupted,
}

/// The most characters that a cell takes (Microsoft, Excel specifications and limits).
const MOST_CELL: usize = 32_767;

/// Writes these results into a workbook on disk; the file has no name and goes with its handle.
///
/// # Errors
/// See [`ResultsWorkbookError`].
pub async fn results_workbook(mut results: Results, spool: &Spool) -> Result<File, ResultsWorkbookError> {
    let _turn = spool.workbooks.acquire().await.map_err(|_| ResultsWorkbookError::Interrupted)?;
    let (send, receive) = mpsc::channel(2);
    let folder = spool.folder.clone();
    let writing = tokio::task::spawn_blocking(move || written(&folder, receive));
    while let Some(block) = results.records().await? {
        // Nobody receives any more when writing broke off, and that says why.
        if send.send(block).await.is_err() {
            break;
        }
    }
    drop(send);
    writing.await.map_err(|_| ResultsWorkbookError::Interrupted)?
}

fn written(
    folder: &std::path::Path,
    mut blocks: mpsc::Receiver<Vec<Vec<String>>>,
) -> Result<File, ResultsWorkbookError> {
    let mut workbook = Workbook::new();
    workbook.set_tempdir(folder)?;
    let (text, heading) = (Format::new().set_num_format("@"), Format::new().set_num_format("@").set_bold());
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    sheet.set_name("Results")?;
    let mut row = 0_u32;
    while let Some(block) = blocks.blocking_recv() {
        for record in block {
            let format = if row == 0 { &heading } else { &text };
            for (column, cell) in (0_u16..).zip(&record) {
                if !cell.is_empty() {
                    sheet.write_string_with_format(row, column, plain(cell), format)?;
                }
            }
            row += 1;
        }
    }
    let mut file = tempfile::tempfile_in(folder)?;
    workbook.save_to_writer(&mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// What XML can hold: other control characters only ever hide something.
fn plain(cell: &str) -> String {
    let plain = |c: char| if c.is_control() && !matches!(c, '\n' | '\r' | '\t') { '\u{fffd}' } else { c };
    cell.chars().take(MOST_CELL).map(plain).collect()
}
