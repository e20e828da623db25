//! What a plan that opens or closes lines stakes is read again when what is known of it is old.

use crate::stage::Stage;
use domain::clock::Clock;
use serde_json::{Value, json};
use simulators::rev_io::WireDate;
use sync::{Installation, read_what_is_asked_for};
use testing::iccid;
use tokio_util::sync::CancellationToken;

const OLD: &str = "update app.rev_sync set mirrored_at = mirrored_at - interval '2 days'";

/// Reads what is asked for until it is told to stop. Answers how often it did.
async fn serve(stage: &Stage, stop: &CancellationToken) -> u32 {
    let installation = Installation {
        ledger: &stage.app.ledger,
        keys: &stage.app.keys,
        http: &stage.http,
        clock: Clock::fixed("2026-11-25T12:00:00Z".parse().unwrap()),
    };
    let (tenant, mut read) = (stage.app.fixture.tenant, 0);
    while !stop.is_cancelled() {
        if database::rev_io::tenants_that_ask(&stage.app.ledger).await.unwrap().contains(&tenant)
            && read_what_is_asked_for(&installation, tenant, &stage.settings, stop).await.unwrap()
        {
            read += 1;
        } else {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    read
}

/// Plans while somebody reads what is asked for.
async fn plan_served(stage: &Stage, customer: i64, extra: &Value, devices: &[String]) -> (Value, u32) {
    let stop = CancellationToken::new();
    let planning = async {
        let plan = stage.app.plan(&customer.to_string(), extra, devices).await.unwrap();
        stop.cancel();
        assert_eq!(plan.status, 201, "{}", plan.json);
        plan.json
    };
    tokio::join!(planning, serve(stage, &stop))
}

/// The first account is read, and the second one is none any more: the same customers are in both.
async fn alone(stage: &Stage) {
    stage.read("Rev.io", &CancellationToken::new()).await.unwrap();
    let none = "update app.integration_authentication set base_url = null where name = 'Second'";
    stage.app.database.plant(none).await.unwrap();
}

struct Billed {
    line: i64,
    customer: i64,
    other: i64,
    product: i64,
}

/// An active line of an open customer, another open customer, and a product that is offered. The SIM at place 0 has the line's number.
async fn billed(stage: &Stage) -> Billed {
    let (billed, number) = stage.world.rev_io(|state| {
        let account = state.account("api@first").unwrap();
        let active = |id: i64| {
            let products = account.service_products.find("service_id", &id.to_string());
            products.iter().any(|product| product.status.as_deref() == Some("ACTIVE"))
        };
        let open = |id: i64| account.customers.get(id).is_some_and(|c| !c.is_closed());
        let is_billed = |s: &&simulators::rev_io::Service| {
            s.disconnected_date.is_none() && active(s.service_id) && open(s.customer_id)
        };
        let line = account.services.iter().find(is_billed).unwrap();
        let other = account.customers.iter().find(|c| !c.is_closed() && c.customer_id != line.customer_id).unwrap();
        let product = account.products.iter().find(|p| p.active && p.rate.is_some()).unwrap();
        let billed = Billed {
            line: line.service_id,
            customer: line.customer_id,
            other: other.customer_id,
            product: product.product_id,
        };
        (billed, line.number.clone().unwrap())
    });
    let named = format!("update app.m2m_device set msisdn = '{number}' where iccid = '{}'", iccid(0));
    stage.app.database.plant(&named).await.unwrap();
    billed
}

#[tokio::test]
async fn a_plan_that_closes_and_opens_lines_asks_again_when_what_is_known_is_old() {
    let stage = Stage::of(3, 8, 2).await;
    alone(&stage).await;
    let Billed { line, customer, other, product } = billed(&stage).await;
    let relinked = "insert into app.device_link_due (tenant_id, device_id) select tenant_id, device_id from app.device_tenant on conflict do nothing";
    stage.app.database.plant(relinked).await.unwrap();
    while database::rev_io::relink(&stage.app.ledger, stage.app.fixture.tenant).await.unwrap().0 > 0 {}
    let new = json!({"create_rev_service": true, "products": [product], "rates": [1]});
    let mut closing = json!({"on_conflict": "replace", "disconnect_existing": true});
    closing.as_object_mut().unwrap().extend(new.as_object().unwrap().clone());

    // Fresh: nobody is asked.
    let (plan, read) = plan_served(&stage, other, &closing, &[iccid(0)]).await;
    assert_eq!((plan["counts"]["change"].as_i64(), read), (Some(1), 0), "{plan}");
    let row = stage.app.rows("plans", &plan["id"]).await.unwrap().remove(0);
    assert_eq!(row["steps"], json!(["close_rev_service", "open_rev_service", "record_assignment"]), "{row}");

    // Old, and the line was disconnected meanwhile: who has it, who gets it, the number and what is new are read, and there is nothing
    // left to close.
    stage.app.database.plant(OLD).await.unwrap();
    let day = WireDate::read("2026-11-01").unwrap();
    stage.world.rev_io(|state| state.account_mut("api@first").unwrap().disconnect_service(line, day));
    let (plan, read) = plan_served(&stage, other, &closing, &[iccid(0)]).await;
    assert_eq!(read, 4, "{plan}");
    let row = stage.app.rows("plans", &plan["id"]).await.unwrap().remove(0);
    assert_eq!(row["steps"], json!(["open_rev_service", "record_assignment"]), "{row}");
    assert_eq!(plan["warnings"], json!([]));
    let age = "select extract(epoch from app.now() - billing_mirrored_at)::bigint from app.device_bulk_change order by id desc limit 1";
    assert!(stage.app.database.number(age).await.unwrap() < 60, "{plan}");
    // They were read a moment ago, and are not read again; a plan that asks nothing of billing asks nobody.
    assert_eq!(plan_served(&stage, customer, &new, &[iccid(0)]).await.1, 0);
    stage.app.database.plant("delete from app.rev_read_again").await.unwrap();
    assert_eq!(plan_served(&stage, customer, &json!({}), &[iccid(1)]).await.1, 0);

    // A line that moved to another customer, and one that is gone, are so in the mirror; a new one is found.
    stage.world.rev_io(|state| {
        let account = state.account_mut("api@first").unwrap();
        let theirs: Vec<i64> =
            account.services.find("customer_id", &other.to_string()).iter().map(|s| s.service_id).collect();
        account.services.change(theirs[0], |line| line.customer_id = customer);
        account.services.remove(theirs[1]).unwrap();
    });
    let (_, read) = plan_served(&stage, other, &new, &[iccid(1)]).await;
    assert_eq!(read, 0, "a SIM without a number is at stake for nobody");
    let named = format!("update app.m2m_device set msisdn = '12025550198' where iccid = '{}'", iccid(1));
    stage.app.database.plant(&named).await.unwrap();
    // The customer, its number with the country's 1 and without, and what is new.
    assert_eq!(plan_served(&stage, other, &new, &[iccid(1)]).await.1, 4);
    let left = format!("select count(*) from app.rev_service where rev_customer_id = '{other}' and gone_at is null");
    assert_eq!(stage.app.database.number(&left).await.unwrap(), 0);
    stage.finish().await;
}

#[tokio::test]
async fn a_plan_that_nobody_answers_is_made_from_what_is_known_and_says_so() {
    let stage = Stage::of(2, 6, 2).await;
    alone(&stage).await;
    let Billed { other, product, .. } = billed(&stage).await;
    stage.app.database.plant(OLD).await.unwrap();
    let numbered = format!("update app.m2m_device set msisdn = '12025550198' where iccid = '{}'", iccid(1));
    stage.app.database.plant(&numbered).await.unwrap();
    let new = json!({"create_rev_service": true, "products": [product], "rates": [1]});
    let plan = stage.app.plan(&other.to_string(), &new, &[iccid(1)]).await.unwrap().json;
    assert_eq!(plan["counts"]["change"], 1, "{plan}");
    let warning = plan["warnings"][0].as_str().unwrap();
    assert!(warning.contains("not asked again") && warning.contains("Rev.io"), "{warning}");
    let age = "select extract(epoch from app.now() - billing_mirrored_at)::bigint from app.device_bulk_change order by id desc limit 1";
    assert!(stage.app.database.number(age).await.unwrap() > 86_400, "{plan}");
    let listed = stage.app.get("/plans").await.unwrap().json;
    assert_eq!(listed["items"][0]["warnings"], plan["warnings"]);
    // A paused account answers nobody: the plan does not wait for it.
    stage.app.database.plant("update app.integration_authentication set paused_because = 'test'").await.unwrap();
    let begun = tokio::time::Instant::now();
    let plan = stage.app.plan(&other.to_string(), &new, &[iccid(1)]).await.unwrap().json;
    assert!(begun.elapsed().as_secs() < 4 && plan["warnings"][0].is_string(), "{plan}");
    stage.finish().await;
}

/// Somebody opens a line by hand: like this one, but of another customer, for another number, and made on another day. Answers its id.
fn by_hand(stage: &Stage, like: i64, customer: i64, number: &str, made: WireDate) -> i64 {
    stage.world.rev_io(|state| {
        let account = state.account_mut("api@first").unwrap();
        let mut line = account.services.get(like).unwrap().clone();
        (line.service_id, line.customer_id, line.number) = (0, customer, Some(number.to_owned()));
        line.created_date = Some(made);
        let id = account.services.add(line, made.0);
        let mut product = account.service_products.find("service_id", &like.to_string())[0].clone();
        (product.service_product_id, product.service_id, product.customer_id) = (0, Some(id), customer);
        product.created_date = Some(made);
        account.service_products.add(product, made.0);
        id
    })
}

/// The day it is in the ledger, and one that is long before any reading.
async fn days(stage: &Stage) -> (WireDate, WireDate) {
    let now = stage.app.database.number("select extract(epoch from app.now())::bigint").await.unwrap();
    (WireDate(jiff::Timestamp::from_second(now).unwrap()), WireDate::read("2020-01-31").unwrap())
}

#[tokio::test]
async fn an_old_line_that_was_given_the_number_of_a_sim_at_stake_is_seen() {
    let stage = Stage::of(2, 8, 2).await;
    alone(&stage).await;
    let Billed { line, customer, other, product } = billed(&stage).await;
    stage.app.database.plant(OLD).await.unwrap();
    let numbered = format!("update app.m2m_device set msisdn = '12025550198' where iccid = '{}'", iccid(1));
    stage.app.database.plant(&numbered).await.unwrap();
    // Without the country's 1, as the billing system may have it.
    let (_, long_ago) = days(&stage).await;
    let theirs = by_hand(&stage, line, customer, "2025550198", long_ago);
    let new = json!({"create_rev_service": true, "products": [product], "rates": [1]});
    let (plan, read) = plan_served(&stage, other, &new, &[iccid(1)]).await;
    assert_eq!(
        (plan["counts"]["by_reason"]["ACTIVE_SERVICE_LINE_OTHER_CUSTOMER"].as_i64(), read),
        (Some(1), 4),
        "{plan}"
    );
    let row = stage.app.rows("plans", &plan["id"]).await.unwrap().remove(0);
    assert!(row["detail"].as_str().unwrap().contains(&theirs.to_string()), "{row}");
    stage.finish().await;
}

#[tokio::test]
async fn lines_that_others_got_since_the_last_reading_are_seen_however_many_numbers_are_at_stake() {
    let stage = Stage::of(60, 8, 2).await;
    alone(&stage).await;
    let Billed { line, customer, other, product } = billed(&stage).await;
    stage.app.database.plant(OLD).await.unwrap();
    let numbered = "update app.m2m_device set msisdn = '120266' || substring(iccid from 15 for 5)";
    stage.app.database.plant(numbered).await.unwrap();
    let of = |place: u32| format!("120266{}", &iccid(place)[14..19]);
    let (today, long_ago) = days(&stage).await;
    by_hand(&stage, line, customer, &of(7), today);
    by_hand(&stage, line, customer, &of(8), long_ago);
    let new = json!({"create_rev_service": true, "products": [product], "rates": [1]});
    let devices: Vec<String> = (0..60).map(iccid).collect();
    let (plan, read) = plan_served(&stage, other, &new, &devices).await;
    // Its customer and what is new: two readings. The old line is what such a plan does not see (decision 0008).
    assert_eq!(read, 2, "{plan}");
    assert_eq!(plan["counts"]["by_reason"]["ACTIVE_SERVICE_LINE_OTHER_CUSTOMER"], 1, "{plan}");
    assert_eq!(plan["counts"]["change"], 59, "{plan}");
    let rows = stage.app.rows("plans", &plan["id"]).await.unwrap();
    let refused: Vec<&Value> = rows.iter().filter(|row| row["verdict"] == "REFUSED").collect();
    assert_eq!(refused[0]["iccid"], iccid(7), "{refused:?}");
    stage.finish().await;
}

#[tokio::test]
async fn an_account_that_overlooks_the_filter_is_not_taken_for_read() {
    let stage = Stage::of(2, 6, 2).await;
    alone(&stage).await;
    let Billed { other, product, .. } = billed(&stage).await;
    stage.app.database.plant(OLD).await.unwrap();
    let numbered = format!("update app.m2m_device set msisdn = '12025550198' where iccid = '{}'", iccid(1));
    stage.app.database.plant(&numbered).await.unwrap();
    // Whatever is asked for, it answers a line that is years old.
    let (_, long_ago) = days(&stage).await;
    stage.world.rev_io(|state| {
        let account = state.account_mut("api@first").unwrap();
        account.inferred.search_start_dates = false;
        let ids: Vec<i64> = account.services.iter().map(|line| line.service_id).collect();
        for id in ids {
            account.services.change(id, |line| line.created_date = Some(long_ago));
        }
    });
    let new = json!({"create_rev_service": true, "products": [product], "rates": [1]});
    let stop = CancellationToken::new();
    let planning = async {
        let plan = stage.app.plan(&other.to_string(), &new, &[iccid(1)]).await.unwrap();
        stop.cancel();
        plan.json
    };
    let (plan, refused) = tokio::join!(planning, refusals(&stage, &stop));
    assert!(plan["warnings"][0].as_str().is_some_and(|warning| warning.contains("not asked again")), "{plan}");
    assert!(refused.iter().any(|error| error.contains("created_date_start")), "{refused:?}");
    stage.finish().await;
}

/// Reads what is asked for, and answers what could not be had.
async fn refusals(stage: &Stage, stop: &CancellationToken) -> Vec<String> {
    let installation = Installation {
        ledger: &stage.app.ledger,
        keys: &stage.app.keys,
        http: &stage.http,
        clock: Clock::fixed("2026-11-25T12:00:00Z".parse().unwrap()),
    };
    let mut refused = Vec::new();
    while !stop.is_cancelled() {
        match read_what_is_asked_for(&installation, stage.app.fixture.tenant, &stage.settings, stop).await {
            Ok(true) => {}
            Ok(false) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            Err(error) => refused.push(error.to_string()),
        }
    }
    refused
}

#[tokio::test]
async fn of_many_new_customers_with_new_lines_each_is_read() {
    let stage = Stage::of(60, 8, 2).await;
    alone(&stage).await;
    let Billed { line, customer, other, product } = billed(&stage).await;
    stage.app.database.plant(OLD).await.unwrap();
    let numbered = "update app.m2m_device set msisdn = '120266' || substring(iccid from 15 for 5)";
    stage.app.database.plant(numbered).await.unwrap();
    let of = |place: u32| format!("120266{}", &iccid(place)[14..19]);
    let (today, _) = days(&stage).await;
    for place in 0..55 {
        let new = stage.world.rev_io(|state| {
            let account = state.account_mut("api@first").unwrap();
            let mut new = account.customers.get(customer).unwrap().clone();
            new.customer_id = 0;
            account.customers.add(new, today.0)
        });
        by_hand(&stage, line, new, &of(place), today);
    }
    let new = json!({"create_rev_service": true, "products": [product], "rates": [1]});
    let devices: Vec<String> = (0..60).map(iccid).collect();
    let (plan, _) = plan_served(&stage, other, &new, &devices).await;
    assert_eq!(plan["counts"]["by_reason"]["ACTIVE_SERVICE_LINE_OTHER_CUSTOMER"], 55, "{plan}");
    assert_eq!((&plan["counts"]["change"], &plan["warnings"]), (&json!(5), &json!([])), "{plan}");
    stage.finish().await;
}
