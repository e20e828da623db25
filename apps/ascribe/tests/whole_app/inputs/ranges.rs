//! Ranges of ICCIDs.

use super::*;

/// ICCIDs that follow one another, which those of the fixture's places do not.
fn consecutive(number: u32) -> String {
    let body = format!("89148001{number:011}");
    format!("{body}{}", check_digit(&body))
}

#[tokio::test]
async fn a_range_is_every_sim_from_the_first_to_the_last_wherever_it_stands() {
    let app = TestApp::start(1).await.unwrap();
    // The fourth of six was never delivered.
    let fleet: Vec<String> = (500..506).filter(|number| *number != 503).map(consecutive).collect();
    plant_devices(&app, "Verizon", "active", &fleet).await;
    let (first, last) = (consecutive(500), consecutive(505));
    let expected = ["CHANGE", "CHANGE", "CHANGE", "DEVICE_NOT_FOUND", "CHANGE", "CHANGE"];
    let all: Vec<String> = (500..506).map(consecutive).collect();

    for range in [
        format!("{first}-{last}"),
        format!("{first} - {last}"),
        format!("{first}..{last}"),
        format!("{first} to {last}"),
        format!("{first}\u{2013}{last}"),
        format!("{} {}-{}", &first[..10], &first[10..], last),
    ] {
        let listed = planned(app.plan("Water", &json!({}), std::slice::from_ref(&range)).await.unwrap());
        let pasted = planned(app.plan_file("Water", &json!({}), format!("{range}\n")).await.unwrap());
        let column = planned(app.plan_file("Water", &json!({}), format!("Note,ICCID\nbox,{range}\n")).await.unwrap());
        for (plan, from) in [(&listed, "a list"), (&pasted, "pasted text"), (&column, "a column")] {
            assert_eq!(said(&app, plan).await, expected, "{range} in {from}");
            let rows = app.rows("plans", &plan["id"]).await.unwrap();
            let inputs: Vec<&str> = rows.iter().map(|row| text(&row["input"])).collect();
            assert_eq!(inputs, all, "{range} in {from}");
            assert_eq!(numbers(&app, "plans", &plan["id"]).await, [1, 2, 3, 4, 5, 6], "{range} in {from}");
        }
    }
    // Without check digits all the digits are counted.
    let bare = format!("{}-{}", &first[..19], &last[..19]);
    let plan = planned(app.plan("Water", &json!({}), &[bare]).await.unwrap());
    assert_eq!(said(&app, &plan).await, expected);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_asked_beside_a_range_is_asked_for_each_sim_in_it() {
    let app = TestApp::start(1).await.unwrap();
    let fleet: Vec<String> = (500..503).map(consecutive).collect();
    plant_devices(&app, "Verizon", "active", &fleet).await;
    let file = format!(
        "Note,ICCID,Customer,Allocation\nbox 1,{}..{},Cold,5\nloose,{},,\ntwice,{},Acme,\n",
        fleet[0],
        fleet[2],
        iccid(0),
        fleet[1]
    );
    let plan = planned(app.plan_file("Water", &json!({}), file).await.unwrap());
    assert_eq!(said(&app, &plan).await, ["CHANGE", "CHANGE", "CHANGE", "CHANGE", "DUPLICATE_IN_INPUT"]);
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    assert!(text(&rows[4]["detail"]).contains("row 2"), "{}", rows[4]);
    let change = applied(&app, &plan).await;
    assert_eq!(change["counts"]["ok"], 4, "{change}");
    for iccid in &fleet {
        assert_eq!(device(&app, iccid).await, json!(["Cold", null, 5.0]), "{iccid}");
    }
    assert_eq!(device(&app, &iccid(0)).await, json!(["Water", null, null]));

    // The result file has a row for each, with what stood beside the range.
    let all = records(&results(&app, &format!("/bulk-changes/{}/results.csv", text(&change["id"]))).await);
    assert_eq!(
        first_cells(&all, 4),
        [
            ["Note", "ICCID", "Customer", "Allocation"],
            ["box 1", &fleet[0], "Cold", "5"],
            ["box 1", &fleet[1], "Cold", "5"],
            ["box 1", &fleet[2], "Cold", "5"],
            ["loose", &iccid(0), "", ""],
            ["twice", &fleet[1], "Acme", ""],
        ]
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_range_that_cannot_be_meant_is_one_refused_row_and_its_neighbours_go_on() {
    let app = TestApp::start(2).await.unwrap();
    plant_devices(&app, "Verizon", "active", &[consecutive(500), consecutive(501)]).await;
    let backwards = format!("{}-{}", consecutive(501), consecutive(500));
    let too_long = format!("{}-{}", consecutive(500), consecutive(1_000_500));
    let uneven = format!("{}-{}", &consecutive(500)[..19], consecutive(501));
    let good = format!("{}-{}", consecutive(500), consecutive(501));
    let list = [backwards.clone(), iccid(0), too_long.clone(), good, uneven.clone(), iccid(1)];
    let file = format!("ICCID,Note\n{}\n", list.join(",x\n"));
    for plan in [
        planned(app.plan("Water", &json!({}), &list).await.unwrap()),
        planned(app.plan_file("Water", &json!({}), list.join("\n")).await.unwrap()),
        planned(app.plan_file("Water", &json!({}), file).await.unwrap()),
    ] {
        assert_eq!(
            said(&app, &plan).await,
            ["ICCID_MALFORMED", "CHANGE", "ICCID_MALFORMED", "CHANGE", "CHANGE", "ICCID_MALFORMED", "CHANGE"]
        );
        let rows = app.rows("plans", &plan["id"]).await.unwrap();
        for (row, input, why) in [
            (0, &backwards, "ends before it begins"),
            (2, &too_long, "more than 1000000"),
            (5, &uneven, "the same number of digits"),
        ] {
            assert_eq!(rows[row]["input"], **input);
            assert!(text(&rows[row]["detail"]).contains(why), "{}", rows[row]);
        }
    }
    app.finish().await.unwrap();
}
