//! How answers are shown: tables to people, data to programs.

use comfy_table::{ContentArrangement, Table, presets};
use domain::csv_cell::guarded;
use serde_json::Value;
use std::io::{IsTerminal as _, Write as _};

/// `-o`
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns, for people
    Table,
    /// One JSON document
    Json,
    /// One JSON document per line
    Ndjson,
    /// Comma-separated, with a header
    Csv,
}

/// `-o table|json|ndjson|csv`
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Output {
    /// How to print: a table to a terminal, JSON to a pipe, if not said
    #[arg(short = 'o', long = "output", value_enum, global = true)]
    format: Option<Format>,
}

impl Output {
    /// Does a person read it?
    pub(crate) fn is_for_people(self) -> bool {
        self.format() == Format::Table
    }

    pub(crate) fn format(self) -> Format {
        self.format.unwrap_or(if std::io::stdout().is_terminal() { Format::Table } else { Format::Json })
    }
}

/// A column: its heading, and where in the JSON it is.
pub(crate) type Column = (&'static str, &'static str);

/// Prints items as they come; tables and JSON documents at the end.
pub(crate) struct Printer {
    format: Format,
    columns: &'static [Column],
    items: Vec<Value>,
    csv: Option<csv::Writer<std::io::Stdout>>,
}

impl Printer {
    /// A table, for people.
    pub(crate) fn table(columns: &'static [Column]) -> Self {
        Self { format: Format::Table, columns, items: Vec::new(), csv: None }
    }

    pub(crate) fn new(output: Output, columns: &'static [Column]) -> anyhow::Result<Self> {
        let format = output.format();
        let mut csv = (format == Format::Csv).then(|| csv::Writer::from_writer(std::io::stdout()));
        if let Some(csv) = &mut csv {
            csv.write_record(columns.iter().map(|(heading, _)| heading.to_lowercase().replace(' ', "_")))?;
        }
        Ok(Self { format, columns, items: Vec::new(), csv })
    }

    pub(crate) fn item(&mut self, item: Value) -> anyhow::Result<()> {
        match self.format {
            Format::Ndjson => writeln!(std::io::stdout(), "{item}")?,
            Format::Csv => {
                if let Some(csv) = &mut self.csv {
                    csv.write_record(self.columns.iter().map(|(_, pointer)| guarded(cell(&item, pointer))))?;
                }
            }
            Format::Table | Format::Json => self.items.push(item),
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        match self.format {
            Format::Json => writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&self.items)?)?,
            Format::Table => {
                let mut table = plain_table();
                table.set_header(self.columns.iter().map(|(heading, _)| *heading));
                for item in &self.items {
                    table.add_row(self.columns.iter().map(|(_, pointer)| cell(item, pointer)));
                }
                writeln!(std::io::stdout(), "{table}")?;
            }
            Format::Ndjson => {}
            Format::Csv => {
                if let Some(csv) = &mut self.csv {
                    csv.flush()?;
                }
            }
        }
        Ok(())
    }
}

/// One thing: its fields below each other, or its JSON.
pub(crate) fn one(output: Output, columns: &'static [Column], item: &Value) -> anyhow::Result<()> {
    match output.format() {
        Format::Json => writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(item)?)?,
        Format::Ndjson => writeln!(std::io::stdout(), "{item}")?,
        Format::Csv => {
            let mut printer = Printer::new(output, columns)?;
            printer.item(item.clone())?;
            printer.finish()?;
        }
        Format::Table => {
            let mut table = plain_table();
            for (heading, pointer) in columns {
                table.add_row([(*heading).to_owned(), cell(item, pointer)]);
            }
            writeln!(std::io::stdout(), "{table}")?;
        }
    }
    Ok(())
}

pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn cell(item: &Value, pointer: &str) -> String {
    match item.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => {
            let shown = list.iter().map(element);
            shown.collect::<Vec<_>>().join(", ")
        }
        Some(Value::Object(map)) => {
            map.iter().map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

/// One of a list, in a few words.
fn element(one: &Value) -> String {
    let text = |pointer: &str| match one.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    // The columns of an input, such as "Kunde = customer"; those that stand for nothing by their heading alone.
    if let Some(column) = text("/column") {
        return text("/field").map_or_else(|| column.clone(), |field| format!("{column} = {field}"));
    }
    // A step, such as "open_rev_service 12"; how long an account is sent to; a product with its rate; a line that is closed.
    if let (Some(account), Some(seconds), Some(calls)) =
        (text("/account/name"), one["seconds"].as_f64(), text("/calls"))
    {
        // A carrier accepts a request at once, and does it later.
        let later = one["answers_within_seconds"].as_f64().map(|s| format!(", done within {} more", duration(s)));
        return format!("{account}: {} for {calls} calls{}", duration(seconds), later.unwrap_or_default());
    }
    // A step at a carrier may be about several plans: it says what it does.
    if let (Some("activate_at_carrier" | "provision_ip" | "change_carrier_rate_plan"), Some(says)) =
        (one["step"].as_str(), one["says"].as_array())
    {
        return says.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    }
    if let (Some(step), Some(rows)) = (text("/step"), text("/rows")) {
        return format!("{step} {rows}");
    }
    if let (Some(id), Some(rate)) = (text("/id"), text("/rate")) {
        return format!("{} at {rate}", text("/description").unwrap_or(id));
    }
    if let (Some(line), Some(customer)) = (text("/rev_service_id"), text("/rev_customer_id")) {
        return format!("line {line} of {}", text("/customer").unwrap_or(customer));
    }
    one.as_str().or(one["name"].as_str()).map_or_else(|| one.to_string(), str::to_owned)
}

/// Seconds as a person says them; of a long time the seconds are nobody's.
fn duration(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float stops at the ends of the integer"
    )]
    let seconds = seconds.ceil() as u64;
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
