//! What the columns of an input stand for: guessed from their headings, corrected by the request, and shown with the plan.

use crate::csv_file::{InputRefusal, MOST_COLUMNS, shown};
use crate::row_reader::unguarded;
use csv::ByteRecord;
use domain::associate_customer::AssociateCustomer;
use domain::input_field::{Guess, InputField, RESULT_COLUMNS};
use serde_json::{Value, json};

/// The columns of an input, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(Vec<Meaning>);

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Meaning {
    heading: String,
    field: Option<InputField>,
}

impl Columns {
    /// The one column of an input without headings.
    pub(crate) fn without_headings() -> Self {
        Self(vec![Meaning { heading: InputField::Device.word().to_owned(), field: Some(InputField::Device) }])
    }

    /// Reads the headings. None: they are none, the first row is a row like the others.
    ///
    /// # Errors
    /// A column asks for something that is not supported yet, or a correction does not fit.
    pub(crate) fn read(top: &ByteRecord, request: &AssociateCustomer) -> Result<Option<Self>, InputRefusal> {
        if top.len() > MOST_COLUMNS {
            return Err(InputRefusal::TooManyColumns);
        }
        let headings: Vec<String> = top.iter().map(|cell| shown(unguarded(cell)).trim().to_owned()).collect();
        for named in request.columns.keys() {
            if !headings.iter().any(|heading| same_heading(heading, named)) {
                return Err(InputRefusal::ColumnNotFound(named.clone()));
            }
        }
        let correction =
            |heading: &str| request.columns.iter().find(|(named, _)| same_heading(heading, named)).map(|(_, f)| *f);
        let mut columns: Vec<Meaning> = Vec::with_capacity(headings.len());
        let mut not_supported = None;
        for heading in headings {
            // Of two columns with the same heading a correction means the first; the second stands for nothing.
            let is_second = columns.iter().any(|other| same_heading(&other.heading, &heading));
            let corrected = if is_second { correction(&heading).map(|_| None) } else { correction(&heading) };
            let field = match (corrected, InputField::guess(&heading)) {
                (Some(field), _) => {
                    let twin = columns.iter().find(|other| field.is_some() && other.field == field);
                    if let Some(twin) = twin.filter(|twin| correction(&twin.heading).is_some()) {
                        return Err(InputRefusal::ColumnTwice(twin.heading.clone(), heading));
                    }
                    // What a person said is stronger than what was guessed before it.
                    columns
                        .iter_mut()
                        .filter(|other| field.is_some() && other.field == field)
                        .for_each(|o| o.field = None);
                    field
                }
                // The first of two headings that mean the same counts, and only if nobody named another for it.
                (None, Guess::Field(field)) => {
                    let taken = columns.iter().any(|other| other.field == Some(field))
                        || request.columns.values().any(|named| *named == Some(field));
                    (!taken).then_some(field)
                }
                (None, Guess::NotSupportedYet) => {
                    not_supported.get_or_insert(heading.clone());
                    None
                }
                (None, Guess::Nothing) => None,
            };
            columns.push(Meaning { heading, field });
        }
        if columns.iter().any(|column| column.field.is_some_and(InputField::names_the_sim)) {
            let of_a_new_line = |column: &&Meaning| column.field.is_some_and(InputField::is_of_a_new_line);
            if let Some(column) = columns.iter().find(of_a_new_line).filter(|_| !request.line.create_rev_service) {
                return Err(InputRefusal::ColumnNeedsNewLine(column.heading.clone()));
            }
            let of_an_activation = |column: &&Meaning| column.field.is_some_and(InputField::is_of_an_activation);
            if let Some(column) = columns.iter().find(of_an_activation).filter(|_| request.carrier.activate.is_none()) {
                return Err(InputRefusal::ColumnNeedsActivation(column.heading.clone()));
            }
            return not_supported
                .map_or(Ok(Some(Self(columns))), |heading| Err(InputRefusal::ColumnNotSupportedYet(heading)));
        }
        if !request.columns.is_empty() {
            let headings: Vec<String> = columns.into_iter().take(20).map(|column| column.heading).collect();
            return Err(InputRefusal::NoIccidColumn(headings.join(", ")));
        }
        Ok(None)
    }

    /// Where the column is that stands for this field.
    pub(crate) fn place(&self, field: InputField) -> Option<usize> {
        self.0.iter().position(|column| column.field == Some(field))
    }

    /// Every column that stands for something, with its place.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (usize, InputField)> + '_ {
        self.0.iter().enumerate().filter_map(|(at, column)| column.field.map(|field| (at, field)))
    }

    /// The places of the columns that are the input's own: all but those of our own result files.
    pub(crate) fn own(&self) -> Vec<usize> {
        (0..self.0.len()).filter(|at| !RESULT_COLUMNS.contains(&self.0[*at].heading.as_str())).collect()
    }

    /// Is there more to keep of a row than what names its SIM?
    pub(crate) fn have_more_than_the_sim(&self) -> bool {
        self.own().len() > 1
    }

    /// As it is stored and shown: the input's own columns, each with the field it is taken for.
    #[must_use]
    pub fn show(&self) -> Value {
        self.own().into_iter().map(|at| json!({ "column": self.0[at].heading, "field": self.0[at].field })).collect()
    }
}

fn same_heading(heading: &str, named: &str) -> bool {
    // Of a long heading its beginning is known.
    heading.eq_ignore_ascii_case(shown(named.trim().as_bytes()).trim())
}
