use super::*;
use std::io::Write as _;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn rows(bytes: &[u8]) -> Vec<(String, Result<String, Reason>)> {
    let file = file(bytes);
    let mut csv = CsvFile::open(file.path()).unwrap();
    std::iter::from_fn(|| csv.read_row().unwrap())
        .map(|Cell { input, reading }| (input, reading.map(|i| i.as_str().to_owned()).map_err(|r| r.reason)))
        .collect()
}

fn refusal(bytes: &[u8]) -> InputRefusal {
    CsvFile::open(file(bytes).path()).unwrap_err()
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
    assert!(matches!(refusal(b"PK\x03\x04xxxx"), InputRefusal::NotCsv(_)));
    assert!(matches!(refusal(b""), InputRefusal::NoRows));
    assert!(matches!(refusal(b"\n\n"), InputRefusal::NoRows));
    assert!(matches!(refusal(b"iccid,name\n,\n"), InputRefusal::NoRows));
    assert!(matches!(refusal(b"imsi,name\n1,2\n"), InputRefusal::NoIccidColumn(headers) if headers == "imsi, name"));
    assert!(
        matches!(refusal(b"iccid,Customer\n1,2\n"), InputRefusal::ColumnNotSupportedYet(column) if column == "Customer")
    );
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
    let file = file(text.as_bytes());
    let mut csv = CsvFile::open(file.path()).unwrap();
    csv.read_row().unwrap();
    assert!(csv.read_row().is_ok(), "a quote that is closed in its line");
    let open = super::tests::file(format!("note,iccid\n\"open,{A}\nx,{B}\ny\",{A}\n").as_bytes());
    assert!(matches!(CsvFile::open(open.path()), Err(InputRefusal::QuoteNotClosed(2))));
    let note = rows(format!("note,iccid\n\"two\nlines\",{A}\n").as_bytes());
    assert_eq!(note.len(), 1, "a note may have lines");
}

#[test]
fn a_quotation_mark_that_is_not_closed_does_not_pull_the_file_into_memory() {
    let mut bytes = format!("iccid\n{A}\n\"open\n").into_bytes();
    bytes.resize(3 * 1024 * 1024, b'x');
    let file = file(&bytes);
    let mut csv = CsvFile::open(file.path()).unwrap();
    assert!(csv.read_row().unwrap().is_some());
    assert!(matches!(csv.read_row(), Err(InputRefusal::RowTooLong(2))));
}
