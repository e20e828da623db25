//! What reads other people's bytes, each as one function that panics if a promise is broken. Fuzzed where a nightly toolchain
//! is (`fuzz/`), and replayed over the corpus on every run.

use database::service_provider::ServiceProvider;
use domain::allocation::DataAllocation;
use domain::associate_customer::AssociateCustomer;
use domain::iccid_range::IccidRange;
use domain::identifier::{Column, Identifier};
use domain::ids::{ServiceProviderId, TenantId};
use intake::RowReader;
use integrations::carriers::{CallbackGate, CarrierKind, MOST_CALLBACK_BYTES};
use std::io::Write as _;
use uuid::Uuid;

/// Cells: whatever is read is digits of a length that can be, reads the same again, and ranges end.
pub fn identifier(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for column in [Column::Iccids, Column::SubscriberNumbers, Column::Either] {
        if let Ok(read) = Identifier::read(text, column) {
            let digits = read.as_str();
            assert!(digits.bytes().all(|b| b.is_ascii_digit()), "{digits:?}");
            assert!((7..=22).contains(&digits.len()), "{digits:?}");
            let again = Identifier::read(digits, column);
            assert_eq!(again.as_ref().map(Identifier::as_str).ok(), Some(digits), "reads the same again");
            if let Some(other) = read.other_form() {
                assert_ne!(other, digits);
            }
            let _ = read.explain_miss();
        }
    }
    if let Some(Ok(range)) = IccidRange::read(text) {
        let mut last: Option<String> = None;
        for iccid in range.take(2_000) {
            assert!(last.as_ref().is_none_or(|last| *last < iccid), "a range goes up");
            last = Some(iccid);
        }
    }
    if let Ok(allocation) = DataAllocation::parse(text) {
        assert_eq!(DataAllocation::parse(&allocation.to_string()), Ok(allocation), "writes what it reads");
    }
}

/// Files: CSV, XLSX, or a pasted list. The first byte chooses how it is asked for. Rows are numbered from 1 without a gap, and
/// their input can be stored.
pub fn row_reader(bytes: &[u8]) {
    let Some((choice, content)) = bytes.split_first() else { return };
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(content).is_err() {
        return;
    }
    let mut request = serde_json::json!({"change_type": "CustomerAssignment", "customer": "c"});
    if choice & 1 == 1 {
        request["columns"] = serde_json::json!({"a": "iccid", "b": null});
    }
    let Ok(request) = AssociateCustomer::read(request) else { return };
    let id = ServiceProviderId(Uuid::nil());
    let at_owner = (TenantId(Uuid::nil()), id);
    let provider = ServiceProvider {
        id,
        name: "v".to_owned(),
        integration: "thingspace".to_owned(),
        write_enabled: true,
        etag: String::new(),
        at_owner,
    };
    let Ok(mut reader) = RowReader::open(file.path(), &request, vec![provider], None) else { return };
    let _ = reader.columns().show();
    let mut rows = 0;
    // A range of a million is as many rows.
    while rows < 2_000 {
        let Ok(Some(row)) = reader.read_row() else { return };
        rows += 1;
        assert_eq!(row.row_number, rows, "numbered without a gap");
        assert!(row.input.chars().count() <= 64 && !row.input.contains('\0'), "{:?}", row.input);
        let mut lines = database::copy_lines::CopyLines::default();
        lines.push(&row);
        assert_eq!(lines.text().matches('\n').count(), 1, "one line of COPY: {:?}", lines.text());
    }
}

/// Requests: what is understood is written as what it was.
pub fn request(bytes: &[u8]) {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let Ok(read) = AssociateCustomer::read(json) else { return };
    let written = serde_json::to_value(&read).unwrap_or_default();
    let again: Result<AssociateCustomer, _> = serde_json::from_value(written);
    assert!(again.is_ok_and(|again| again == read), "a stored request is the request");
}

/// Callbacks: the first byte chooses who is asked. Nobody comes in without the words, what comes in can be kept and gives none
/// of them away, and whoever knows the address only learns nothing of the rest.
pub fn callback(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let (token, username, password) = ("the-token", "the-listener", "the-word");
    let gate = CallbackGate::of(&token.into(), &username.into(), &password.into());
    let kind = CarrierKind::ALL[usize::from(*choice) % CarrierKind::ALL.len()];
    assert!(kind.admit(&gate, "another-token", body).is_err(), "the address is ours alone");
    let Ok(admitted) = kind.admit(&gate, token, body) else { return };
    let text = String::from_utf8_lossy(body);
    assert!(body.len() <= MOST_CALLBACK_BYTES && !text.trim().is_empty());
    let kept = admitted.body.to_string();
    assert!(!kept.contains(username) && !kept.contains(password) && !kept.contains(token), "{kept}");
    assert!(!kept.contains("\\u0000"), "no ledger takes it: {kept}");
    let request: serde_json::Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
    assert_eq!(request["password"], password, "nobody comes in without the words");
}
