//! Lines at Rev.io, asked for at the command line and shown there.

use super::{ascribe, printed};
use crate::billing::{line, number, offers};
use testing::{TestApp, iccid};

#[tokio::test]
async fn lines_are_asked_for_and_a_table_shows_what_is_done_and_how_long_it_takes() {
    let app = TestApp::start(3).await.unwrap();
    offers(&app).await;
    line(&app, 60, "9000002", &number(0), 1).await;
    let (url, key) = (app.url().to_owned(), app.fixture.key.reveal().to_owned());
    let file = format!("iccid\n{}\n{}\n", iccid(0), iccid(1));
    let base = ["plan", "assign", "--service-provider", "Verizon", "--customer", "9000001", "--devices", "-"];
    let plan = |more: &[&'static str]| {
        let arguments: Vec<&'static str> = base.iter().chain(more).copied().collect();
        let (url, key, file) = (url.clone(), key.clone(), file.clone());
        async move { ascribe(&url, &key, &arguments, &file).await }
    };
    let products = ["--create-rev-service", "--product", "Data", "--product", "6", "--rate", "7.25", "--rate", "1"];
    let details = [
        "--service-type",
        "SIM",
        "--rev-provider",
        "Verizon",
        "--usage-plan-group",
        "3",
        "--prorate",
        "--description",
        "Pump",
    ];
    let closing = ["--on-conflict", "replace", "--disconnect-existing", "-o", "table"];
    let table = printed(&plan(&[&products[..], &details, &closing].concat()).await, 0);
    for shown in ["close_rev_service 1, open_rev_service 2, record_assignment 2", "Rev.io: 2 s for 9 calls"] {
        assert!(table.contains(shown), "{shown} in {table}");
    }
    let id = table.lines().find(|line| line.contains(" Plan ")).unwrap();
    let id = id.split_whitespace().find(|word| word.len() == 36).unwrap().to_owned();
    let rows = printed(&ascribe(&url, &key, &["plan", "rows", &id, "-o", "csv"], "").await, 0);
    for shown in ["Data at 7.2500, Voice at 1.0000", "line 60 of Twin", "open_rev_service, record_assignment"] {
        assert!(rows.contains(shown), "{shown} in {rows}");
    }
    let package = printed(&plan(&["--create-rev-service", "--package", "Gold", "-o", "csv"]).await, 0);
    assert!(package.contains("open_rev_service 1"), "{package}");
    // Contradictions are the API's to refuse.
    assert_eq!(plan(&["--package", "Gold"]).await.status.code(), Some(4));
    assert_eq!(plan(&["--service-id", "99"]).await.status.code(), Some(4));
    app.finish().await.unwrap();
}
