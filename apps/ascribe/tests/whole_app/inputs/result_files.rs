//! Result files: the input with what became of it.

use super::*;

#[tokio::test]
async fn a_result_file_is_the_input_with_what_became_of_it_and_can_be_sent_again() {
    let app = TestApp::start(4).await.unwrap();
    let file = format!(
        "Note,ICCID,Customer,Rate plan\n=1+1,{},Water,P-ALL\n+x,{},Cold,\n\"say \"\"so\"\", twice\",{},,\n\"two\nlines\",broken,,\n-,{},Nobody,\n",
        iccid(0),
        iccid(1),
        iccid(2),
        iccid(3)
    );
    let plan = planned(app.plan_file("9000001", &json!({}), file).await.unwrap());
    let change = applied(&app, &plan).await;
    assert_eq!(change["counts"]["ok"], 3, "{change}");
    let path = format!("/bulk-changes/{}/results.csv", text(&change["id"]));
    let whole = results(&app, &path).await;
    assert_eq!(
        whole.lines().next(),
        Some("Note,ICCID,Customer,Rate plan,_status,_code,_reason,_fix,_attempts"),
        "the input's own columns in their order, then what is added"
    );
    let all = records(&whole);
    assert_eq!(
        first_cells(&all[1..], 4),
        [
            ["'=1+1", &iccid(0), "Water", "P-ALL"],
            ["'+x", &iccid(1), "Cold", ""],
            ["say \"so\", twice", &iccid(2), "", ""],
            ["two\nlines", "broken", "", ""],
            ["'-", &iccid(3), "Nobody", ""],
        ],
        "a spreadsheet runs nothing of it"
    );
    for row in &all[1..4] {
        assert_eq!(row[4..], ["PROCESSED", "", "", "", "1"]);
    }
    for (row, reason) in [(&all[4], Reason::IccidMalformed), (&all[5], Reason::CustomerNotFound)] {
        assert_eq!(row[4..6], ["REFUSED", reason.word()]);
        assert!(row[6].starts_with(reason.sentence()), "{row:?}");
        assert_eq!(row[7..], [reason.fix(), "0"]);
    }

    // Narrowed, and no query that nobody knows.
    let refused = records(&results(&app, &format!("{path}?status=REFUSED")).await);
    assert_eq!(refused, [&all[..1], &all[4..]].concat());
    let one = records(&results(&app, &format!("{path}?reason=CUSTOMER_NOT_FOUND")).await);
    assert_eq!(one, [&all[..1], &all[5..]].concat());
    assert_eq!(app.get(&format!("{path}?color=red")).await.unwrap().status, StatusCode::BAD_REQUEST);
    let unknown = app.get("/bulk-changes/00000000-0000-7000-8000-000000000000/results.csv").await.unwrap();
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);

    // Sent again as it is: the same rows, read the same.
    let again = planned(app.plan_file("9000001", &json!({}), whole).await.unwrap());
    assert_eq!(again["columns"], plan["columns"], "what was added is not taken for the input's own");
    let (then, now) = (app.rows("plans", &plan["id"]).await.unwrap(), app.rows("plans", &again["id"]).await.unwrap());
    assert_eq!(
        said(&app, &again).await,
        [
            "ALREADY_ASSIGNED_SAME",
            "ALREADY_ASSIGNED_SAME",
            "ALREADY_ASSIGNED_SAME",
            "ICCID_MALFORMED",
            "CUSTOMER_NOT_FOUND"
        ]
    );
    assert!(now[..3].iter().all(|row| row["verdict"] == "NO_CHANGE"), "{now:?}");
    for (then, now) in then.iter().zip(&now).skip(3) {
        assert_eq!((&then["input"], &then["detail"]), (&now["input"], &now["detail"]));
    }
    let twice = records(&results(&app, &format!("/plans/{}/results.csv", text(&again["id"]))).await);
    assert_eq!(first_cells(&twice, 4), first_cells(&all, 4), "a guard is not guarded again");
    assert_eq!(twice[1][4..6], ["NO_CHANGE", "ALREADY_ASSIGNED_SAME"]);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_list_without_headings_gets_one_for_its_result_file() {
    let app = TestApp::start(3).await.unwrap();
    let pasted = format!("{}; {}\n12345\n\n{}\n", iccid(0), iccid(1), iccid(2));
    let plan = planned(app.plan_file("Water", &json!({}), pasted).await.unwrap());
    let only = json!([{"column": "device", "field": "device"}]);
    assert_eq!(plan["columns"], only);
    let change = applied(&app, &plan).await;
    let whole = results(&app, &format!("/bulk-changes/{}/results.csv", text(&change["id"]))).await;
    assert_eq!(whole.lines().next(), Some("device,_status,_code,_reason,_fix,_attempts"));
    let all = records(&whole);
    let named: Vec<[&str; 3]> =
        all[1..].iter().map(|row| [row[0].as_str(), row[1].as_str(), row[2].as_str()]).collect();
    assert_eq!(
        named,
        [
            [iccid(0).as_str(), "PROCESSED", ""],
            [iccid(1).as_str(), "PROCESSED", ""],
            ["12345", "REFUSED", "ICCID_MALFORMED"],
            [iccid(2).as_str(), "PROCESSED", ""],
        ]
    );
    let again = planned(app.plan_file("Water", &json!({}), whole).await.unwrap());
    assert_eq!(again["columns"], only);
    assert_eq!(
        said(&app, &again).await,
        ["ALREADY_ASSIGNED_SAME", "ALREADY_ASSIGNED_SAME", "ICCID_MALFORMED", "ALREADY_ASSIGNED_SAME"]
    );
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_retry_asks_for_each_row_what_the_row_asked_for_and_gives_its_own_columns_back() {
    let app = TestApp::start(20).await.unwrap();
    let rows: String = (0..20)
        .zip(["Water", "Cold", ""].into_iter().cycle())
        .map(|(place, customer)| format!("note {place},{},{customer},{place}.5\n", iccid(place)))
        .collect();
    let file = format!("Note,ICCID,Customer,MB\nno SIM,broken,Cold,\n{rows}");
    let extra = json!({"columns": {"MB": "customer_data_allocation_mb"}});
    let plan = planned(app.plan_file("9000001", &extra, file).await.unwrap());
    let asked = app.rows("plans", &plan["id"]).await.unwrap();
    let id = text(&plan["id"]);
    let answer = app.post("/bulk-changes", &json!({"plan_id": id})).await.unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    // The first ten are done, the other ten cancelled.
    let claim = claim_chunk(&app.ledger, Duration::from_secs(30)).await.unwrap().unwrap();
    settle_chunk(&app.ledger, &claim, claim.first_row, claim.last_row, "worker:test").await.unwrap();
    let cancelled = app.post(&format!("/bulk-changes/{id}/cancel"), &json!({})).await.unwrap();
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.json);
    app.work().await.unwrap();
    let all = records(&results(&app, &format!("/bulk-changes/{id}/results.csv")).await);
    let became: Vec<&str> = all[1..].iter().map(|row| row[4].as_str()).collect();
    assert_eq!(became, [vec!["REFUSED"], vec!["PROCESSED"; 10], vec!["CANCELLED"; 10]].concat());

    let retry = planned(app.post(&format!("/bulk-changes/{id}/retry"), &json!({})).await.unwrap());
    assert_eq!(
        (&retry["columns"], &retry["counts"]["rows"], &retry["counts"]["change"]),
        (&plan["columns"], &json!(10), &json!(10)),
        "{retry}"
    );
    assert_eq!(numbers(&app, "plans", &retry["id"]).await, (12..=21).collect::<Vec<i64>>());
    let asked_again = app.rows("plans", &retry["id"]).await.unwrap();
    for (then, now) in asked[11..].iter().zip(&asked_again) {
        assert!(now["after"].is_object(), "{now}");
        assert_eq!(then["after"], now["after"], "row {}", now["row"]);
    }
    let own = records(&results(&app, &format!("/plans/{}/results.csv", text(&retry["id"]))).await);
    assert_eq!(own[0], all[0]);
    assert_eq!(first_cells(&own[1..], 4), first_cells(&all[12..], 4), "as the file had them");

    assert_eq!(applied(&app, &retry).await["counts"]["ok"], 10);
    for (place, expected) in [
        (0, json!(["Water", null, 0.5])),
        (17, json!(["Acme", null, 17.5])),
        (18, json!(["Water", null, 18.5])),
        (19, json!(["Cold", null, 19.5])),
    ] {
        assert_eq!(device(&app, &iccid(place)).await, expected, "place {place}");
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_row_without_a_record_does_not_garble_the_others() {
    let app = TestApp::start(3).await.unwrap();
    let file = format!("ICCID,Note\n{},{}\n{},b\n{},c\n", iccid(0), "x".repeat(9 * 1024), iccid(1), iccid(2));
    let plan = planned(app.plan_file("Water", &json!({}), file).await.unwrap());
    let all = records(&results(&app, &format!("/plans/{}/results.csv", text(&plan["id"]))).await);
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(all.iter().all(|row| row.len() == all[0].len()), "{all:?}");
    assert_eq!(first_cells(&all[1..], 2), [[&iccid(0), ""], [&iccid(1), "b"], [&iccid(2), "c"]]);
    app.finish().await.unwrap();
}
