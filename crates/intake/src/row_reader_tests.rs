use super::*;
use crate::csv_file::SHOWN_CELL;
use serde_json::json;
use std::io::Write as _;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn asking(extra: serde_json::Value) -> AssociateCustomer {
    let mut request = json!({"change_type": "CustomerAssignment", "service_provider": "v", "customer": "c"});
    request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    AssociateCustomer::read(request).unwrap()
}

fn open(bytes: &[u8], extra: serde_json::Value) -> Result<RowReader, InputRefusal> {
    RowReader::open(file(bytes).path(), &asking(extra), providers(), None)
}

fn providers() -> Vec<ServiceProvider> {
    let provider = |n: u128, name: &str| {
        let id = ServiceProviderId(uuid::Uuid::from_u128(n));
        let at_owner = (domain::ids::TenantId(uuid::Uuid::nil()), id);
        ServiceProvider {
            id,
            name: name.into(),
            integration: "thingspace".into(),
            write_enabled: true,
            etag: String::new(),
            at_owner,
        }
    };
    vec![provider(1, "Verizon"), provider(2, "Jasper")]
}

fn all(bytes: &[u8], extra: serde_json::Value) -> Vec<InputRow> {
    let mut reader = open(bytes, extra).unwrap();
    std::iter::from_fn(|| reader.read_row().unwrap()).collect()
}

fn rows(bytes: &[u8]) -> Vec<(String, Result<String, Reason>)> {
    let read = all(bytes, json!({})).into_iter();
    read.map(|row| (row.input, row.reading.map(|i| i.as_str().to_owned()).map_err(|r| r.reason))).collect()
}

fn refusal(bytes: &[u8]) -> InputRefusal {
    open(bytes, json!({})).unwrap_err()
}

const A: &str = "89148000001234567896";
const B: &str = "89148000001234567904";

#[test]
fn any_header_order_separator_mark_and_line_end() {
    for text in [
        format!("iccid\n{A}\n{B}\n"),
        format!("\u{feff}Name,ICCID\r\nx,{A}\r\ny,{B}"),
        format!("name;\"SIM ICCID\";note\n\"a;b\";\"{A}\";\nc;{B};\n;;\n"),
        format!("note\tSIM Number\n,,,\t{A}\n-\t{B}\n"),
        format!("{A}\n\n{B}\n"),
        format!("ICCID,\"free, text\"\n{A},\"two\nlines\"\n{B},x\n"),
    ] {
        let read: Vec<_> = rows(text.as_bytes()).into_iter().map(|(_, reading)| reading.unwrap()).collect();
        assert_eq!(read, [A, B], "{text:?}");
    }
}

#[test]
fn a_bad_cell_is_its_rows_trouble_and_the_next_row_goes_on() {
    let mut bytes = b"iccid\n8914\xff8000\n8914\x00800\n8.93E+19\n=1+1\n".to_vec();
    bytes.extend_from_slice(format!("{}\n{A}\n", "7".repeat(5000)).as_bytes());
    let read = rows(&bytes);
    let reasons: Vec<_> = read.iter().map(|(_, reading)| reading.clone().err()).collect();
    assert_eq!(
        reasons,
        [
            Some(Reason::IccidMalformed),
            Some(Reason::IccidMalformed),
            Some(Reason::IccidExcelRounded),
            Some(Reason::IccidMalformed),
            Some(Reason::FieldTooLong),
            None,
        ]
    );
    assert!(read.iter().all(|(input, _)| input.chars().count() <= SHOWN_CELL && !input.contains('\0')));
}

#[test]
fn a_file_that_is_no_csv_says_what_it_is() {
    let utf16: Vec<u8> = format!("iccid\n{A}\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(matches!(refusal(&utf16), InputRefusal::NotCsv(_)));
    assert!(matches!(refusal(&[&[0xff, 0xfe], utf16.as_slice()].concat()), InputRefusal::NotCsv("UTF-16 text")));
    assert!(matches!(refusal(b"PK\x03\x04xxxx"), InputRefusal::Workbook(_)));
    assert!(matches!(refusal(b""), InputRefusal::NoRows));
    assert!(matches!(refusal(b"\n\n"), InputRefusal::NoRows));
    assert!(matches!(refusal(b"iccid,name\n,\n"), InputRefusal::NoRows));
    assert!(matches!(refusal(b"imsi,name\n1,2\n"), InputRefusal::NoIccidColumn(headers) if headers == "imsi, name"));
    let account = refusal(b"iccid,Billing account\n1,2\n");
    assert!(matches!(account, InputRefusal::ColumnNotSupportedYet(column) if column == "Billing account"));
    // Nor what a SIM is activated with, where none is.
    assert!(matches!(refusal(b"iccid,IMEI\n1,2\n"), InputRefusal::ColumnNeedsActivation(column) if column == "IMEI"));
    // What a new line has is not overlooked where no line is asked for.
    let products = refusal(b"iccid,Products\n1,2\n");
    assert!(matches!(products, InputRefusal::ColumnNeedsNewLine(column) if column == "Products"));
}

#[test]
fn without_a_header_any_separators_will_do_and_groups_are_one_number() {
    let spaced = |n: &str| format!("{} {} {} {} {}", &n[..4], &n[4..8], &n[8..12], &n[12..16], &n[16..]);
    for text in [
        format!("{A},{B}"),
        format!("{A} {B}\n"),
        format!("{A};{B};\n"),
        format!("{A}|{B}\r\n"),
        format!("{A}\t{B}"),
        format!("{}\n{}\n", spaced(A), spaced(B)),
        format!("{A}, {B}"),
        format!("\n{A} / {B}\n\n"),
    ] {
        let read: Vec<_> = rows(text.as_bytes()).into_iter().map(|(_, reading)| reading.unwrap()).collect();
        assert_eq!(read, [A, B], "{text:?}");
    }
    let mixed = rows(format!("{A} 15550100200 12\n").as_bytes());
    assert_eq!(mixed.len(), 1, "a part that is no number of its own: nothing is guessed");
    let both: Vec<_> = rows(format!("{A} 15550100200\n").as_bytes()).into_iter().map(|(_, r)| r.unwrap()).collect();
    assert_eq!(both, [A, "15550100200"]);
}

#[test]
fn a_column_of_subscriber_numbers_is_read_as_such_and_an_iccid_beside_it_wins() {
    let numbers = rows(b"name,MSISDN\nx,+1 555 010 0200\ny,12\n");
    assert_eq!(numbers[0].1.as_deref(), Ok("15550100200"));
    assert_eq!(numbers[1].1, Err(Reason::NumberMalformed));
    let both = rows(format!("MSISDN;ICCID\n15550100200;{A}\n").as_bytes());
    assert_eq!(both[0].1.as_deref(), Ok(A));
}

#[test]
fn rows_never_vanish_in_a_cell() {
    let text = format!("note,iccid\nfine,{A}\n\"12\" pipe,{A}\nx,{B}\n\"y\",{A}\n");
    let mut csv = open(text.as_bytes(), json!({})).unwrap();
    csv.read_row().unwrap();
    assert!(csv.read_row().is_ok(), "a quote that is closed in its line");
    let unclosed = format!("note,iccid\n\"open,{A}\nx,{B}\ny\",{A}\n");
    assert!(matches!(refusal(unclosed.as_bytes()), InputRefusal::QuoteNotClosed(2)));
    let note = rows(format!("note,iccid\n\"two\nlines\",{A}\n").as_bytes());
    assert_eq!(note.len(), 1, "a note may have lines");
    let unclosed = "MSISDN,Note\n15550100200,\"oops\n15550100201,x\n15550100202,y\"\n";
    assert!(matches!(refusal(unclosed.as_bytes()), InputRefusal::QuoteNotClosed(2)));
    let with_other_line_ends = unclosed.replace('\n', "\r");
    assert!(matches!(refusal(with_other_line_ends.as_bytes()), InputRefusal::QuoteNotClosed(2)));
    let note = rows(b"MSISDN,Note\n15550100200,\"call first,\nthen 15550100201, please\"\n");
    assert_eq!(note.len(), 1, "a number in a note of several lines is not a row");
}

#[test]
fn numbers_side_by_side_are_a_row_each() {
    let read = rows(b"5550100200 5550100201\n15550100200 15550100201\n");
    let read: Vec<_> = read.into_iter().map(|(_, reading)| reading.unwrap()).collect();
    assert_eq!(read, ["5550100200", "5550100201", "15550100200", "15550100201"]);
}

#[test]
fn a_row_that_is_too_long_is_refused_and_keeps_nothing_of_it() {
    let text = format!("iccid,note\n{A},{}\n{B},ok\n", "x".repeat(9 * 1024));
    let read = all(text.as_bytes(), json!({}));
    assert_eq!(read[0].reading.as_ref().map_err(|r| r.reason), Err(Reason::FieldTooLong));
    assert_eq!((read[0].record.as_deref(), read[1].record.as_deref()), (None, Some(format!("{B},ok").as_str())));
}

#[test]
fn a_range_of_a_row_that_is_refused_is_one_row_with_its_columns() {
    let text = format!("iccid,service provider\n{A}-{A},Nowhere\n");
    let read = all(text.as_bytes(), json!({}));
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].reading.as_ref().map_err(|r| r.reason), Err(Reason::ServiceProviderNotFound));
    assert_eq!(read[0].record.as_deref(), Some(format!("{A}-{A},Nowhere").as_str()));
}

#[test]
fn a_quotation_mark_that_is_not_closed_does_not_pull_the_file_into_memory() {
    let mut bytes = format!("iccid\n{A}\n\"open\n").into_bytes();
    bytes.resize(3 * 1024 * 1024, b'x');
    let mut csv = open(&bytes, json!({})).unwrap();
    assert!(csv.read_row().unwrap().is_some());
    assert!(matches!(csv.read_row(), Err(InputRefusal::RowTooLong(2))));
}

#[test]
fn columns_override_the_request_row_by_row_and_the_mapping_can_be_corrected() {
    let text = format!("SIM;Customer;Rate plan;Note;MB\n{A};Water;;gift;5\n{B};;P-1;;\n");
    let read = all(text.as_bytes(), json!({"columns": {"mb": "customer_data_allocation_mb"}}));
    assert_eq!(read[0].overrides.as_deref(), Some(r#"{"customer":"Water","customer_data_allocation_mb":"5"}"#));
    assert_eq!(read[1].overrides.as_deref(), Some(r#"{"customer_rate_plan":"P-1"}"#));
    assert_eq!(read[0].record.as_deref(), Some(format!("{A},Water,,gift,5").as_str()));
    let shown = open(text.as_bytes(), json!({"columns": {"Customer": null}})).unwrap().columns().show();
    assert_eq!(shown[1], json!({"column": "Customer", "field": null}));
    assert_eq!(shown[2], json!({"column": "Rate plan", "field": "customer_rate_plan"}));
    // What a person says is stronger than a guess, wherever the column stands.
    let swapped = open(text.as_bytes(), json!({"columns": {"Note": "customer"}})).unwrap().columns().show();
    assert_eq!((&swapped[1]["field"], &swapped[3]["field"]), (&json!(null), &json!("customer")));
}

#[test]
fn a_correction_that_does_not_fit_is_refused() {
    let text = format!("SIM,Note\n{A},x\n");
    let wrong = |columns| open(text.as_bytes(), json!({ "columns": columns })).unwrap_err();
    assert!(matches!(wrong(json!({"Nota": "site"})), InputRefusal::ColumnNotFound(c) if c == "Nota"));
    assert!(matches!(wrong(json!({"SIM": "iccid", "Note": "iccid"})), InputRefusal::ColumnTwice(..)));
    assert!(matches!(wrong(json!({"SIM": null})), InputRefusal::NoIccidColumn(_)));
    let nobody = AssociateCustomer { customer: None, ..asking(json!({})) };
    let none = RowReader::open(file(text.as_bytes()).path(), &nobody, providers(), None);
    assert!(matches!(none, Err(InputRefusal::NoCustomer)));
    let products = format!("SIM,Products\n{A},x\n");
    assert!(open(products.as_bytes(), json!({"columns": {"Products": null}})).is_ok());
}

#[test]
fn rows_may_name_their_service_provider() {
    let text = format!("iccid,carrier\n{A},jasper\n{B},\n{A},Nowhere\n");
    let read = all(text.as_bytes(), json!({}));
    assert_eq!(read[0].service_provider, Some(providers()[1].id));
    assert_eq!(read[1].service_provider, None);
    assert_eq!(read[2].reading.clone().unwrap_err().reason, Reason::ServiceProviderNotFound);
}

#[test]
fn a_range_is_every_sim_in_it_and_each_gives_its_own_record_back() {
    let text =
        b"iccid,site\n8914800000123456788 - 8914800000123456790,Yard\n8914800000123456790-8914800000123456788,Yard\n";
    let read = all(text, json!({}));
    assert_eq!(read.len(), 4);
    assert_eq!(read.iter().map(|row| row.row_number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(read[1].input, "8914800000123456789");
    assert_eq!(read[1].record.as_deref(), Some("8914800000123456789,Yard"));
    assert_eq!(read[3].reading.clone().unwrap_err().reason, Reason::IccidMalformed);
    let pasted = all(b"8914800000123456788..8914800000123456790\n89148000001234567896\n", json!({}));
    assert_eq!(pasted.len(), 4);
}

#[test]
fn what_a_result_file_guards_is_read_again_as_it_was() {
    let text = format!("_status,iccid,customer,_code\nFAILED,'=\"{A}\",'+Water,X\n");
    let read = all(text.as_bytes(), json!({}));
    assert_eq!(read[0].reading.clone().unwrap().as_str(), A);
    assert_eq!(read[0].overrides.as_deref(), Some(r#"{"customer":"+Water"}"#));
    assert_eq!(read[0].record.as_deref(), Some(format!("\"=\"\"{A}\"\"\",+Water").as_str()));
}
