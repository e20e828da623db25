//! Signing in, paging, searching, one object.

use crate::stage::{KEY, PASSWORD, START, Stage, USERNAME, ids, told};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::rev_io::{Inferred, Kind, PageSizeAboveMost, UnknownName, WireDate};
use simulators::{Fleet, FleetError, RevAccount};

#[tokio::test]
async fn whoever_does_not_sign_in_is_told_so_in_the_gateways_shape() {
    let stage = Stage::example(1, 1).await;
    let url = format!("{}/rev-io/v1/Customers", stage.running.url());
    let nobody = stage.http.get(&url);
    let wrong_password = stage.http.get(&url).basic_auth(USERNAME, Some("no")).header("Ocp-Apim-Subscription-Key", KEY);
    let no_key = stage.http.get(&url).basic_auth(USERNAME, Some(PASSWORD));
    let wrong_key = stage.http.get(&url).basic_auth(USERNAME, Some(PASSWORD)).header("ocp-apim-subscription-key", "no");
    for call in [nobody, wrong_password, no_key, wrong_key] {
        let (status, body) = told(call.send().await.unwrap()).await;
        assert_eq!((status, &body["statusCode"]), (401, &json!(401)), "{body}");
        assert!(body["message"].is_string() && body.get("ok").is_none());
    }
    assert_eq!(stage.get("Customers").await.0, 200);
    stage.running.stop().await;
}

#[tokio::test]
async fn the_older_host_asks_for_no_key() {
    let mut fleet = Fleet::example(1, 1, 1);
    fleet.rev_io[0].accept_without_key = true;
    let stage = Stage::of(fleet).await;
    let url = format!("{}/rev-io/v1/Customers", stage.running.url());
    let response = stage.http.get(&url).basic_auth(USERNAME, Some(PASSWORD)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn paging_gives_everything_once() {
    let stage = Stage::example(7, 9).await;
    let mut seen = Vec::new();
    for page in 1.. {
        let (status, body) = stage.get(&format!("Services?search.page_size=10&search.page={page}")).await;
        assert_eq!((status, &body["ok"]), (200, &json!(true)));
        let records = body["records"].as_array().unwrap();
        assert_eq!(body["record_count"], json!(records.len()));
        seen.extend(ids(records, "service_id"));
        if body["has_more"] == json!(false) {
            break;
        }
    }
    assert_eq!(seen, (1..=63).collect::<Vec<i64>>());
    let (_, exact) = stage.get("Services?search.page_size=7&search.page=9").await;
    assert_eq!((&exact["record_count"], &exact["has_more"]), (&json!(7), &json!(false)), "the last one fills its page");
    let (_, past) = stage.get("Services?search.page_size=10&search.page=8").await;
    assert_eq!((&past["record_count"], &past["has_more"]), (&json!(0), &json!(false)));
}

#[tokio::test]
async fn pages_are_of_the_objects_as_they_are_now() {
    let stage = Stage::example(1, 12).await;
    let first = ids(&stage.found("Services?search.page_size=5").await, "service_id");
    stage.world.rev_io(|state| state.accounts_mut()[0].services.remove(2));
    let second = ids(&stage.found("Services?search.page_size=5&search.page=2").await, "service_id");
    assert_eq!((first, second), (vec![1, 2, 3, 4, 5], vec![7, 8, 9, 10, 11]), "6 slid to the first page");
}

#[tokio::test]
async fn page_sizes_are_ten_by_default_and_five_hundred_at_most() {
    let stage = Stage::example(2, 300).await;
    assert_eq!(stage.found("Services").await.len(), 10);
    assert_eq!(stage.found("Services?search.page_size=1000").await.len(), 500);
    for (setting, expected) in [(PageSizeAboveMost::Allow, 200), (PageSizeAboveMost::Refuse, 400)] {
        stage.world.rev_io(|state| state.accounts_mut()[0].inferred.page_size_above_most = setting);
        let (status, body) = stage.get("Services?search.page_size=1000").await;
        assert_eq!(status, expected);
        assert!(status == 400 || body["record_count"] == json!(600));
    }
    for nonsense in ["search.page=0", "search.page=x", "search.page_size=-1"] {
        let (status, body) = stage.get(&format!("Services?{nonsense}")).await;
        assert_eq!((status, &body[0]["ok"]), (400, &json!(false)), "{nonsense}: {body}");
    }
}

#[tokio::test]
async fn searches_find_what_is_equal_to_any_of_the_values_given() {
    let stage = Stage::example(4, 3).await;
    let both = "Services?search.customer_id=100000001&search.customer_id=100000003";
    assert_eq!(ids(&stage.found(both).await, "service_id"), [1, 2, 3, 7, 8, 9]);
    let (_, service) = stage.get("Services/5").await;
    let number = service["number"].as_str().unwrap();
    let number2 = service["number2"].as_str().unwrap();
    assert_eq!(ids(&stage.found(&format!("services?SEARCH.Number={number}")).await, "service_id"), [5]);
    assert_eq!(ids(&stage.found(&format!("services?search.number2={number2}")).await, "service_id"), [5]);
    let other = format!("Services?search.number={number}&search.customer_id=100000001");
    assert!(stage.found(&other).await.is_empty(), "fields are joined by and");
    let part = &number[..4];
    assert!(stage.found(&format!("Services?search.number={part}")).await.is_empty(), "equality, not a part");
    let products = stage.found("ServiceProduct?search.service_id=5&search.status=active").await;
    assert_eq!(products.len(), 2);
}

#[tokio::test]
async fn dates_bound_a_search_at_both_ends() {
    let stage = Stage::example(1, 4).await;
    stage.world.rev_io(|state| {
        for (id, day) in (1..).zip(["2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01"]) {
            state.accounts_mut()[0].services.change(id, |service| service.activated_date = WireDate::read(day));
        }
    });
    let from = "Services?search.activated_date_start=2025-02-01";
    assert_eq!(ids(&stage.found(from).await, "service_id"), [2, 3, 4]);
    let between = "Services?search.activated_date_start=2025-02-01Z&search.activated_date_end=2025-03-01T00:00:00Z";
    assert_eq!(ids(&stage.found(between).await, "service_id"), [2, 3]);
    stage.world.rev_io(|state| state.accounts_mut()[0].inferred.search_end_dates = false);
    assert_eq!(ids(&stage.found(between).await, "service_id"), [2, 3, 4], "an unknown name is ignored");
    let (status, _) = stage.get("Services?search.activated_date_start=soon").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn searches_are_sorted_both_ways() {
    let stage = Stage::example(3, 1).await;
    stage.world.rev_io(|state| {
        for (id, number) in [(1, "b"), (2, "c"), (3, "a")] {
            state.accounts_mut()[0].services.change(id, |service| service.number = Some(number.to_owned()));
        }
    });
    assert_eq!(ids(&stage.found("Services?search.sort=number").await, "service_id"), [3, 1, 2]);
    assert_eq!(ids(&stage.found("Services?search.sort=-number").await, "service_id"), [2, 1, 3]);
}

#[tokio::test]
async fn guesses_can_be_turned_round() {
    let mut fleet = Fleet::example(1, 1, 2);
    let refuse = UnknownName::Refuse;
    fleet.rev_io[0].inferred = Inferred {
        search_by_number2: false,
        unknown_search_fields: refuse,
        paths_in_any_case: false,
        descending_sort: false,
        ..Inferred::default()
    };
    let stage = Stage::of(fleet).await;
    for refused in ["search.number2=1", "search.colour=red", "search.sort=-number"] {
        assert_eq!(stage.get(&format!("Services?{refused}")).await.0, 400, "{refused}");
    }
    assert_eq!(stage.get("services").await.0, 404);
}

#[tokio::test]
async fn one_object_is_flat_with_ok_and_links() {
    let stage = Stage::example(1, 1).await;
    let (status, service) = stage.get("Services/1").await;
    assert_eq!((status, &service["ok"], &service["service_id"]), (200, &json!(true), &json!(1)));
    assert!(service["links"].is_array());
    assert_eq!(service["disconnected_date"], Value::Null, "unknown is null and not left out");
    assert!(service.as_object().unwrap().contains_key("request_service_id"));
    let (status, missing) = stage.get("Services/99").await;
    assert_eq!((status, &missing[0]["ok"]), (404, &json!(false)));
}

#[tokio::test]
async fn every_collection_can_be_listed_and_its_paths_match_in_any_case() {
    let stage = Stage::example(2, 2).await;
    for kind in Kind::ALL {
        let (status, page) = stage.get(&kind.name().to_uppercase()).await;
        assert_eq!((status, &page["ok"]), (200, &json!(true)), "{kind:?}");
        assert!(kind == Kind::Charges || page["record_count"] != json!(0), "{kind:?} is empty in the example");
    }
    assert_eq!(stage.get("serviceProduct/1").await.0, 200);
    let (status, body) = stage.get("Nothing").await;
    assert_eq!((status, &body["statusCode"]), (404, &json!(404)));
    assert_eq!(stage.get("Services/x").await.0, 404);
    assert_eq!(stage.send(Method::PUT, "Services", &json!({})).await.0, 405);
    assert_eq!(stage.send(Method::POST, "Products", &json!({})).await.0, 405);
}

#[tokio::test]
async fn accounts_have_objects_of_their_own_under_the_same_ids() {
    let mut fleet = Fleet::example(1, 2, 1);
    let other = RevAccount::new("api@second", "p", "k").with_example(2, 2, 1);
    fleet.rev_io.push(other);
    let stage = Stage::of(fleet).await;
    stage.world.rev_io(|state| {
        let other = state.account_mut("api@second").unwrap();
        assert!(other.rename_customer(100_000_001, "Somebody else"));
    });
    let url = format!("{}/rev-io/v1/Customers/100000001", stage.running.url());
    let call = stage.http.get(&url).basic_auth("api@second", Some("p")).header("Ocp-Apim-Subscription-Key", "k");
    let (_, theirs) = told(call.send().await.unwrap()).await;
    let (_, ours) = stage.get("Customers/100000001").await;
    assert_eq!(theirs["billing_address"]["company_name"], json!("Somebody else"));
    assert_ne!(ours["billing_address"]["company_name"], json!("Somebody else"));
}

#[tokio::test]
async fn a_test_may_be_the_hand_that_works_in_rev_io_itself() {
    let stage = Stage::example(2, 1).await;
    let at = WireDate::read(START).unwrap();
    stage.world.rev_io(|state| {
        let account = &mut state.accounts_mut()[0];
        assert!(account.close_customer(100_000_002, at));
        assert!(account.disconnect_service(1, at));
        assert!(!account.disconnect_service(99, at));
    });
    assert_eq!(stage.get("Customers/100000002").await.1["status"], json!("CLOSED"));
    assert_eq!(stage.get("Services/1").await.1["disconnected_date"], json!(START));
    assert!(stage.found("ServiceProduct?search.service_id=1&search.status=ACTIVE").await.is_empty());
}

#[tokio::test]
async fn a_fleet_can_be_a_file_and_is_the_same_for_the_same_seed() {
    assert_eq!(Fleet::example(5, 6, 2), Fleet::example(5, 6, 2));
    assert_ne!(Fleet::example(5, 6, 2), Fleet::example(6, 6, 2));
    let text = serde_json::to_string(&Fleet::example(5, 2, 2)).unwrap();
    assert_eq!(serde_json::from_str::<Fleet>(&text).unwrap(), Fleet::example(5, 2, 2));
    let small = json!({"rev_io": [{"username": "a@b", "password": "p", "subscription_key": "k",
        "customers": [{"customer_id": 7}, {}], "services": [{"customer_id": 7, "number": "1"}]}]});
    let stage = Stage::of(serde_json::from_value(small.clone()).unwrap()).await;
    let ids = stage.world.rev_io(|state| {
        let account = &state.accounts()[0];
        let customers: Vec<i64> = account.customers.iter().map(|customer| customer.customer_id).collect();
        (customers, account.services.get(1).unwrap().customer_id)
    });
    assert_eq!(ids, (vec![7, 8], 7));
    let again = stage.world.load(serde_json::from_value(small).unwrap());
    assert_eq!(again, Err(FleetError::UsernameTaken("a@b".to_owned())));
    let twice = json!({"rev_io": [{"username": "c@d", "password": "", "subscription_key": "",
        "providers": [{"provider_id": 1}, {"provider_id": 1}]}]});
    let twice = stage.world.load(serde_json::from_value(twice).unwrap());
    assert_eq!(twice, Err(FleetError::IdTwice { kind: Kind::Providers, id: 1 }));
    assert!(serde_json::from_value::<Fleet>(json!({"rev": []})).is_err());
}

#[tokio::test]
async fn about_says_how_to_sign_in() {
    let stage = Stage::example(3, 1).await;
    let (status, about) = stage.own(Method::GET, "/about", None).await;
    let rev_io = &about["rev-io"];
    assert_eq!((status, &rev_io["username"], &rev_io["password"]), (200, &json!(USERNAME), &json!(PASSWORD)));
    assert_eq!(rev_io["base_url"], json!(format!("{}/rev-io/v1", stage.running.url())));
    assert_eq!(rev_io["subscription_key"], json!(KEY));
    assert_eq!(rev_io["customers"], json!([100_000_001, 100_000_002, 100_000_003]));
    assert_eq!(rev_io["accounts"][0]["username"], json!(USERNAME));
}

#[tokio::test]
async fn a_stopped_world_is_gone_and_can_be_started_again_as_it_was() {
    let stage = Stage::example(1, 1).await;
    let Stage { world, running, http, .. } = stage;
    let url = running.url().to_owned();
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    running.stop().await;
    assert!(http.get(format!("{url}/about")).send().await.is_err());
    let again = simulators::Running::start(world, address).await.unwrap();
    assert_eq!(again.url(), url);
    assert!(http.get(format!("{url}/about")).send().await.is_ok());
}
