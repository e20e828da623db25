//! A first look at an input, before anything is asked for it: its headings, its first rows, and how its rows read. No device is
//! looked for, nothing is judged.

use crate::columns::Columns;
use crate::csv_file::{InputRefusal, MOST_COLUMNS, is_workbook, open_records, shown};
use crate::planner::{PlanRefusal, Planner};
use crate::row_reader::{RowReader, begins_with_a_digit, unguarded};
use crate::spool::Spooled;
use crate::workbook::{Limits, to_csv};
use csv::ByteRecord;
use database::api_key::Caller;
use database::service_provider::ServiceProvider;
use domain::associate_customer::AssociateCustomer;
use domain::carrier_request::{ActivationRequest, CarrierRequest, PlanRequest};
use domain::identifier::Identifier;
use domain::input_field::{Guess, InputField, RESULT_COLUMNS};
use domain::line_request::LineRequest;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// So many rows are looked at; a plan reads all of them.
const MOST_LOOKED_AT: i32 = 20_000;
/// So many rows are shown.
const SAMPLE: usize = 5;
/// So many rows that cannot be read are named.
const MOST_NAMED: usize = 20;

/// What is in an input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Its own headings, each with the field that it is taken for; empty: it has none, every cell names a SIM.
    pub columns: Vec<(String, Option<InputField>)>,
    /// Headings among them of fields that wait for the carriers: a plan wants to be told what they are.
    pub not_supported: Vec<String>,
    /// Its first rows, in the order of the columns.
    pub sample: Vec<Vec<String>>,
    /// How many rows were read: all of them if [`Look::is_whole`], else the first. 0: no column names the SIM.
    pub rows: i32,
    /// Rows that name the same SIM as an earlier one.
    pub repeated: i32,
    /// Rows in which no SIM can be read.
    pub unreadable: i32,
    /// The first of those: the row's number, what was given, and why not.
    pub named: Vec<(i32, String, String)>,
    /// Were all rows read?
    pub is_whole: bool,
}

impl Planner {
    /// Looks at an upload.
    ///
    /// # Errors
    /// The input as a whole cannot be read, or the database does not answer.
    pub async fn look(&self, caller: &Caller, spooled: &Spooled) -> Result<Look, PlanRefusal> {
        let providers = database::service_provider::all(&self.ledger, caller.tenant).await?;
        let path = spooled.path().to_owned();
        let _turn = self.looks.acquire().await.map_err(|_| PlanRefusal::Interrupted)?;
        let looking = tokio::task::spawn_blocking(move || look(&path, &providers));
        Ok(looking.await.map_err(|_| PlanRefusal::Interrupted)??)
    }

    /// The SIMs that a list names, each once, at most so many; and whether that is all of them.
    ///
    /// # Errors
    /// The list cannot be read, or the database does not answer.
    pub async fn identifiers(
        &self,
        caller: &Caller,
        spooled: Spooled,
        most: usize,
    ) -> Result<(Vec<Identifier>, bool), PlanRefusal> {
        let providers = database::service_provider::all(&self.ledger, caller.tenant).await?;
        let _turn = self.looks.acquire().await.map_err(|_| PlanRefusal::Interrupted)?;
        let reading = tokio::task::spawn_blocking(move || {
            let mut reader = RowReader::open(spooled.path(), &anything(&[]), providers, None)?;
            let (mut found, mut seen) = (Vec::new(), HashSet::new());
            while let Some(row) = reader.read_row()? {
                let Ok(identifier) = row.reading else { continue };
                if seen.insert(identifier.as_str().to_owned()) {
                    if found.len() == most {
                        return Ok((found, false));
                    }
                    found.push(identifier);
                }
            }
            Ok::<_, InputRefusal>((found, true))
        });
        Ok(reading.await.map_err(|_| PlanRefusal::Interrupted)??)
    }
}

/// A request that no input contradicts: only its rows are of interest.
fn anything(not_supported: &[String]) -> AssociateCustomer {
    AssociateCustomer {
        customer: Some("-".to_owned()),
        line: LineRequest { create_rev_service: true, ..LineRequest::default() },
        carrier: CarrierRequest {
            add_carrier_rate_plan: Some(PlanRequest::default()),
            activate: Some(ActivationRequest::default()),
        },
        columns: not_supported.iter().map(|heading| (heading.clone(), None)).collect(),
        ..AssociateCustomer::default()
    }
}

fn look(path: &Path, providers: &[ServiceProvider]) -> Result<Look, InputRefusal> {
    let workbook = is_workbook(path)?;
    let mut converted = None;
    let path: PathBuf = if workbook {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let mut file = tempfile::Builder::new().prefix("workbook.").suffix(".upload").tempfile_in(folder)?;
        to_csv(path, &mut BufWriter::new(file.as_file_mut()), Limits::default())?;
        converted.insert(file).path().to_owned()
    } else {
        path.to_owned()
    };
    let mut look = headings(&path, workbook)?;
    let names_the_sim = |field: &Option<InputField>| field.is_some_and(InputField::names_the_sim);
    if !look.columns.is_empty() && !look.columns.iter().any(|(_, field)| names_the_sim(field)) {
        return Ok(look);
    }
    let separator = workbook.then_some(b',');
    let asked = anything(&look.not_supported);
    let mut reader = RowReader::open_text(&path, separator, &asked, providers.to_vec(), None)?;
    let mut seen = HashSet::new();
    while let Some(row) = reader.read_row()? {
        if look.rows == MOST_LOOKED_AT {
            return Ok(look);
        }
        look.rows = row.row_number;
        match row.reading {
            Ok(identifier) => look.repeated += i32::from(!seen.insert(identifier.as_str().to_owned())),
            Err(refusal) => {
                look.unreadable += 1;
                if look.named.len() < MOST_NAMED {
                    look.named.push((row.row_number, row.input, refusal.reason.sentence().to_owned()));
                }
            }
        }
    }
    look.is_whole = true;
    Ok(look)
}

/// The headings and the first rows.
fn headings(path: &Path, workbook: bool) -> Result<Look, InputRefusal> {
    let mut records = open_records(path, workbook.then_some(b','))?;
    let mut top = ByteRecord::new();
    if !records.next(&mut top)? {
        return Err(InputRefusal::NoRows);
    }
    if top.len() > MOST_COLUMNS {
        return Err(InputRefusal::TooManyColumns);
    }
    let texts: Vec<String> = top.iter().map(|cell| shown(unguarded(cell)).trim().to_owned()).collect();
    let not_supported: Vec<String> =
        texts.iter().filter(|text| InputField::guess(text) == Guess::NotSupportedYet).cloned().collect();
    let guessed = Columns::read(&top, &anything(&not_supported)).ok().flatten();
    let mut given = top.iter().filter(|cell| !cell.trim_ascii().is_empty());
    if guessed.is_none() && given.all(begins_with_a_digit) {
        return Ok(Look::default());
    }
    let own: Vec<usize> = (0..texts.len()).filter(|at| !RESULT_COLUMNS.contains(&texts[*at].as_str())).collect();
    let field = |at: usize| guessed.as_ref().and_then(|columns| columns.fields().find(|(of, _)| *of == at));
    let columns = own.iter().map(|at| (texts[*at].clone(), field(*at).map(|(_, field)| field))).collect();
    let mut look = Look { columns, not_supported, ..Look::default() };
    let mut record = ByteRecord::new();
    while look.sample.len() < SAMPLE && records.next(&mut record)? {
        let cells = own.iter().map(|at| shown(unguarded(record.get(*at).unwrap_or_default())));
        look.sample.push(cells.collect());
    }
    Ok(look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn seen(text: &str) -> Result<Look, InputRefusal> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        look(file.path(), &[])
    }

    #[test]
    fn a_file_is_looked_at_before_anything_is_asked() {
        let file =
            "Note,SIM ICCID,Place of use,_status\na,8914800000300000001,1,FAILED\nb,8914800000300000001,2,\nc,12,3,\n";
        let look = seen(file).unwrap();
        let field = Some(InputField::Iccid);
        assert_eq!(
            look.columns,
            [("Note".to_owned(), None), ("SIM ICCID".to_owned(), field), ("Place of use".to_owned(), None)]
        );
        assert_eq!(look.not_supported, ["Place of use"]);
        assert_eq!(look.sample[0], ["a", "8914800000300000001", "1"], "what our own files add is left out");
        assert_eq!((look.rows, look.repeated, look.unreadable, look.is_whole), (3, 1, 1, true));
        assert_eq!((look.named[0].0, look.named[0].1.as_str()), (3, "12"));
    }

    #[test]
    fn a_list_has_no_headings_and_a_file_without_a_column_of_sims_is_told_apart() {
        let list = seen("8914800000300000001; 8914800000300000002\n8914 8000 0030 0000 003\nx1\n").unwrap();
        assert_eq!((list.columns.len(), list.rows, list.unreadable), (0, 4, 1), "{list:?}");
        let other = seen("Serial,Place\n8914800000300000001,North\n").unwrap();
        assert_eq!((other.columns.len(), other.rows, other.is_whole), (2, 0, false));
        assert!(matches!(seen(""), Err(InputRefusal::NoRows)));
    }
}
