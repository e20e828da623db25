//! Columns that ask for their row, and lists whose devices do.

use super::*;

#[tokio::test]
async fn columns_ask_row_by_row_and_empty_cells_leave_it_to_the_request() {
    let app = TestApp::start(7).await.unwrap();
    let file = sheet(
        "Customer,Customer rate plan,MB,Note",
        &[
            "Cold,P-ALL,5,all its own",
            ",,,all the request's",
            "Acme,,0.5,",
            "Nobody,P-ALL,,no such customer",
            "Cold,P-NONE,,no such plan",
            ",P-ALL,lots,no such allocation",
            "9000002,P-ALL,7,",
        ],
    );
    let extra = json!({"columns": {"MB": "customer_data_allocation_mb"}, "customer_data_allocation_mb": 100});
    let plan = planned(app.plan_file("Water", &extra, file).await.unwrap());
    assert_eq!(
        said(&app, &plan).await,
        ["CHANGE", "CHANGE", "CHANGE", "CUSTOMER_NOT_FOUND", "PLAN_NOT_FOUND", "ALLOCATION_INVALID", "CHANGE"]
    );
    assert_eq!(
        (&plan["counts"]["change"], &plan["counts"]["refused"], &plan["counts"]["by_reason"]),
        (&json!(4), &json!(3), &json!({"CUSTOMER_NOT_FOUND": 1, "PLAN_NOT_FOUND": 1, "ALLOCATION_INVALID": 1}))
    );
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    for (row, about) in [(3, "Nobody"), (4, "P-NONE"), (5, "lots")] {
        assert_eq!(rows[row]["verdict"], "REFUSED");
        assert!(text(&rows[row]["detail"]).contains(about), "{}", rows[row]);
    }
    assert_eq!(
        (&rows[0]["after"]["customer"]["name"], &rows[0]["after"]["customer_data_allocation_mb"]),
        (&json!("Cold"), &json!(5.0))
    );

    let change = applied(&app, &plan).await;
    assert_eq!(change["counts"]["ok"], 4, "{change}");
    for (place, expected) in (0..).zip([
        json!(["Cold", "P-ALL", 5.0]),
        json!(["Water", null, 100.0]),
        json!(["Acme", null, 0.5]),
        json!([null, null, null]),
        json!([null, null, null]),
        json!([null, null, null]),
        json!(["Twin", "P-ALL", 7.0]),
    ]) {
        assert_eq!(device(&app, &iccid(place)).await, expected, "row {}", place + 1);
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn the_customer_may_come_from_a_column_alone_but_it_has_to_come_from_somewhere() {
    let app = TestApp::start(3).await.unwrap();
    let nobody = json!({"customer": null});
    let without = app.plan_file("Water", &nobody, sheet("Note", &["x", "y"])).await.unwrap();
    assert_refused(&without, "FIELD_MISSING", "/customer");
    let list = app.plan("Water", &nobody, &devices(2)).await.unwrap();
    assert_refused(&list, "FIELD_MISSING", "/customer");
    let file = sheet("Customer", &["Cold", "", "Acme"]);
    let mapped_away = json!({"customer": null, "columns": {"Customer": null}});
    assert_refused(&app.plan_file("Water", &mapped_away, file.clone()).await.unwrap(), "FIELD_MISSING", "/customer");
    assert_eq!(
        app.database.number("select count(*) from app.device_bulk_change").await.unwrap(),
        0,
        "nothing was begun"
    );

    let plan = planned(app.plan_file("Water", &nobody, file).await.unwrap());
    assert_eq!(said(&app, &plan).await, ["CHANGE", "CUSTOMER_NOT_FOUND", "CHANGE"]);
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    assert!(text(&rows[1]["detail"]).contains("neither the row nor the request"), "{}", rows[1]);
    assert_eq!(applied(&app, &plan).await["counts"]["ok"], 2);
    assert_eq!(device(&app, &iccid(0)).await[0], "Cold");
    assert_eq!(device(&app, &iccid(1)).await[0], Value::Null);
    assert_eq!(device(&app, &iccid(2)).await[0], "Acme");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_columns_are_taken_for_is_shown_and_a_person_knows_better() {
    let app = TestApp::start(3).await.unwrap();
    let file = sheet("Customer,Note", &["Cold,Cold", "Acme,Elsewhere", ",Water"]);
    let columns = |customer: Value, note: Value| json!([{"column": "ICCID", "field": "iccid"}, {"column": "Customer", "field": customer}, {"column": "Note", "field": note}]);
    let asking = |columns: Value| json!({ "columns": columns });

    let guessed = planned(app.plan_file("Water", &json!({}), file.clone()).await.unwrap());
    assert_eq!(guessed["columns"], columns(json!("customer"), Value::Null));
    assert_eq!(said(&app, &guessed).await, ["CHANGE"; 3]);

    // A heading in other letters and with blanks around it is the same heading.
    let site = planned(app.plan_file("Water", &asking(json!({" note ": "site"})), file.clone()).await.unwrap());
    assert_eq!(site["columns"], columns(json!("customer"), json!("site")));
    assert_eq!(said(&app, &site).await, ["CHANGE", "SITE_NOT_FOUND", "CHANGE"]);
    let shown = app.get(&format!("/plans/{}", text(&site["id"]))).await.unwrap().json;
    assert_eq!(shown["columns"], site["columns"], "the plan says it again");

    // Another column for the customer: the guess gives way, told so or not.
    for moved in [json!({"Note": "customer"}), json!({"Note": "customer", "Customer": null})] {
        let plan = planned(app.plan_file("Water", &asking(moved.clone()), file.clone()).await.unwrap());
        assert_eq!(plan["columns"], columns(Value::Null, json!("customer")), "{moved}");
        assert_eq!(said(&app, &plan).await, ["CHANGE", "CUSTOMER_NOT_FOUND", "CHANGE"], "{moved}");
        let rows = app.rows("plans", &plan["id"]).await.unwrap();
        assert_eq!(rows[2]["after"]["customer"]["name"], "Water", "{moved}");
    }

    // A change shows them, too.
    let change = applied(&app, &guessed).await;
    assert_eq!(change["columns"], guessed["columns"]);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_the_file_is_refused_and_names_what_is_wrong() {
    let app = TestApp::start(1).await.unwrap();
    let file = sheet("Customer,Note", &["Cold,x"]);
    for (columns, code, pointer, about) in [
        (json!({"Nota": "site"}), "COLUMN_NOT_FOUND", "/columns", "Nota"),
        (json!({"Customer": "customer", "Note": "customer"}), "COLUMN_TWICE", "/columns", "Note"),
        (json!({"ICCID": null}), "INPUT_HAS_NO_ICCID_COLUMN", "/devices", "ICCID, Customer, Note"),
        (json!({"Note": "surprise"}), "FIELD_INVALID", "/columns/Note", "Note"),
        (json!({"Note": 5}), "FIELD_INVALID", "/columns/Note", "Note"),
        (json!(["Note"]), "FIELD_INVALID", "/columns", "columns"),
    ] {
        let answer = app.plan_file("Water", &json!({ "columns": columns }), file.clone()).await.unwrap();
        assert_refused(&answer, code, pointer);
        assert!(text(&answer.json["detail"]).contains(about), "{}", answer.json);
    }

    // A column that asks for what is not built yet is not overlooked, unless a person says that it asks for nothing.
    for (heading, code) in [
        ("Zip code", "COLUMN_NEEDS_ACTIVATE"),
        ("IMEI", "COLUMN_NEEDS_ACTIVATE"),
        ("Billing account", "COLUMN_NOT_SUPPORTED_YET"),
    ] {
        let file = sheet(heading, &["x"]);
        let refused = app.plan_file("Water", &json!({}), file.clone()).await.unwrap();
        assert_refused(&refused, code, "/devices");
        assert!(text(&refused.json["detail"]).contains(heading), "{}", refused.json);
        let plan = planned(app.plan_file("Water", &json!({"columns": {heading: null}}), file).await.unwrap());
        assert_eq!(plan["columns"][1], json!({"column": heading, "field": null}));
        assert_eq!(plan["counts"]["change"], 1, "{heading}");
    }

    // A heading that nobody could guess.
    let strange = format!("Card,Place\n{},x\n", iccid(0));
    let unknown = app.plan_file("Water", &json!({}), strange.clone()).await.unwrap();
    assert_refused(&unknown, "INPUT_HAS_NO_ICCID_COLUMN", "/devices");
    let named = planned(app.plan_file("Water", &json!({"columns": {"Card": "iccid"}}), strange).await.unwrap());
    assert_eq!(named["counts"]["change"], 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn listed_devices_may_ask_for_themselves_and_a_bad_one_keeps_its_number() {
    let app = TestApp::start(5).await.unwrap();
    app.database
        .plant(&format!("update app.m2m_device set msisdn = '15550100201' where iccid = '{}'", iccid(1)))
        .await
        .unwrap();
    let mut request = app.asking("Water", &json!({}));
    request["devices"] = json!([
        {"iccid": iccid(0), "customer": "Cold", "customer_data_allocation_mb": 5},
        {"msisdn": "+1 555 010 0201"},
        iccid(2),
        "",
        {"device": iccid(4), "customer": null, "customer_rate_plan": "P-ALL"},
        {"iccid": ""},
    ]);
    let plan = planned(app.post("/plans", &request).await.unwrap());
    assert_eq!(said(&app, &plan).await, ["CHANGE", "CHANGE", "CHANGE", "ICCID_MALFORMED", "CHANGE", "ICCID_MALFORMED"]);
    assert_eq!(numbers(&app, "plans", &plan["id"]).await, [1, 2, 3, 4, 5, 6]);
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    assert_eq!((&rows[3]["input"], &rows[3]["verdict"]), (&json!(""), &json!("REFUSED")));
    assert_eq!(rows[1]["iccid"], iccid(1), "found by its number");
    assert_eq!(
        plan["columns"],
        json!([
            {"column": "iccid", "field": "iccid"},
            {"column": "msisdn", "field": "msisdn"},
            {"column": "device", "field": "device"},
            {"column": "customer", "field": "customer"},
            {"column": "customer_rate_plan", "field": "customer_rate_plan"},
            {"column": "customer_data_allocation_mb", "field": "customer_data_allocation_mb"},
        ])
    );
    assert_eq!(applied(&app, &plan).await["counts"]["ok"], 4);
    for (place, expected) in [
        (0, json!(["Cold", null, 5.0])),
        (1, json!(["Water", null, null])),
        (2, json!(["Water", null, null])),
        (3, json!([null, null, null])),
        (4, json!(["Water", "P-ALL", null])),
    ] {
        assert_eq!(device(&app, &iccid(place)).await, expected, "place {place}");
    }

    // Every device its own customer, and the request none.
    let mut alone = app.asking("Water", &json!({"customer": null, "on_conflict": "replace"}));
    alone["devices"] =
        json!([{"iccid": iccid(2), "customer": "Cold"}, iccid(3), {"iccid": iccid(4), "customer": 9_000_001}]);
    let plan = planned(app.post("/plans", &alone).await.unwrap());
    assert_eq!(said(&app, &plan).await, ["CHANGE", "CUSTOMER_NOT_FOUND", "CHANGE"]);
    assert_eq!(applied(&app, &plan).await["counts"]["ok"], 2);
    assert_eq!(device(&app, &iccid(4)).await, json!(["Acme", "P-ALL", null]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_listed_device_is_read_strictly_and_the_answer_points_at_it() {
    let app = TestApp::start(2).await.unwrap();
    for (devices, code, pointer) in [
        (json!([{"iccid": iccid(0), "surprise": 1}]), "FIELD_UNKNOWN", "/devices/0/surprise"),
        (
            json!([iccid(0), {"iccid": iccid(1), "billing_account": "x"}]),
            "FIELD_NOT_SUPPORTED_YET",
            "/devices/1/billing_account",
        ),
        (json!([iccid(0), {"iccid": iccid(1), "imei": "x"}]), "COLUMN_NEEDS_ACTIVATE", "/devices"),
        (json!([iccid(0), {"iccid": iccid(1), "place_of_use": "x"}]), "FIELD_UNKNOWN", "/devices/1/place_of_use"),
        (json!([{"iccid": iccid(0), "customer": ["Cold"]}]), "FIELD_INVALID", "/devices/0/customer"),
        (json!([{"iccid": iccid(0), "customer": true}]), "FIELD_INVALID", "/devices/0/customer"),
        (json!([{"customer": "Cold"}]), "FIELD_MISSING", "/devices/0/iccid"),
        (json!([{"iccid": 5}]), "FIELD_INVALID", "/devices/0/iccid"),
        (json!([iccid(0), 12]), "FIELD_INVALID", "/devices/1"),
        (json!([iccid(0), null]), "FIELD_INVALID", "/devices/1"),
        (json!([[iccid(0)]]), "FIELD_INVALID", "/devices/0"),
        (json!([]), "INPUT_HAS_NO_ROWS", "/devices"),
        (json!(iccid(0)), "FIELD_MISSING", "/devices"),
    ] {
        let mut request = app.asking("Water", &json!({}));
        request["devices"] = devices;
        assert_refused(&app.post("/plans", &request).await.unwrap(), code, pointer);
    }
    app.finish().await.unwrap();
}
