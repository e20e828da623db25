//! Calls a minute and a day, by the world's clock.

use crate::stage::{Stage, told};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;
use simulators::Fleet;

#[tokio::test]
async fn above_the_calls_of_a_minute_it_is_429_with_the_seconds() {
    let mut fleet = Fleet::example(1, 1, 1);
    fleet.rev_io[0].calls_per_minute = 3;
    let stage = Stage::of(fleet).await;
    for _ in 0..3 {
        assert_eq!(stage.get("Customers").await.0, 200);
    }
    stage.pass(SignedDuration::from_secs(20));
    let response = stage.call(Method::GET, "Customers").send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "40");
    let (status, body) = told(response).await;
    let message = "Rate limit is exceeded. Try again in 40 seconds.";
    assert_eq!((status, body), (429, json!({"statusCode": 429, "message": message})));
    stage.pass(SignedDuration::from_secs(40));
    assert_eq!(stage.get("Customers").await.0, 200);
    let (_, counts) = stage.own(Method::GET, "/ledger/counts", None).await;
    let counts = &counts["items"][0];
    assert_eq!((&counts["calls"], &counts["throttled"]), (&json!(5), &json!(1)));
    assert_eq!(counts["by_status"], json!({"200": 4, "429": 1}));
    assert_eq!((&counts["most_in_60_seconds"], &counts["most_admitted_in_60_seconds"]), (&json!(4), &json!(3)));
}

#[tokio::test]
async fn above_the_calls_of_a_day_it_is_403_in_the_gateways_shape() {
    let mut fleet = Fleet::example(1, 1, 1);
    fleet.rev_io[0].calls_per_day = 2;
    let stage = Stage::of(fleet).await;
    for _ in 0..2 {
        assert_eq!(stage.get("Customers").await.0, 200);
    }
    stage.pass(SignedDuration::from_hours(1));
    let (status, body) = stage.get("Customers").await;
    assert_eq!((status, &body["statusCode"]), (403, &json!(403)));
    assert!(body["message"].as_str().unwrap().contains("23:00:00"), "{body}");
    stage.pass(SignedDuration::from_hours(23));
    assert_eq!(stage.get("Customers").await.0, 200);
}

#[tokio::test]
async fn accounts_have_limits_of_their_own() {
    let mut fleet = Fleet::example(1, 1, 1);
    fleet.rev_io[0].calls_per_minute = 0;
    fleet.rev_io.push(simulators::RevAccount::new("b@b", "p", "k"));
    let stage = Stage::of(fleet).await;
    assert_eq!(stage.get("Customers").await.0, 429);
    let url = format!("{}/rev-io/v1/Customers", stage.running.url());
    let other = stage.http.get(url).basic_auth("b@b", Some("p")).header("Ocp-Apim-Subscription-Key", "k");
    assert_eq!(told(other.send().await.unwrap()).await.0, 200);
}
