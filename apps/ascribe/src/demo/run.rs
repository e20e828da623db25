//! The three runs: an assignment of a messy file, a reassignment of a part with `replace` and a rate plan, and its undo.

use super::example::{Row, assignment, reassignment};
use super::proof::{Differences, ledger_and_tables_agree, plan_is_as_expected};
use super::{Demo, fleet};
use crate::client::output::plain_table;
use crate::client::{Api, answer, change, plan};
use anyhow::Context as _;
use database::Server;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// One run: what is asked for, and what must come of it.
struct Run<'a> {
    title: &'static str,
    asked: Asked<'a>,
    rows: Vec<Row>,
    replace: bool,
}

/// What a run plans.
enum Asked<'a> {
    /// This request, for the devices of this file.
    Assign { request: Value, file: &'a Path },
    /// The run before it, backwards.
    UndoOfTheLast,
}

/// All runs; true if plan, ledger and tables agree row by row.
pub(super) async fn all(api: &Api, demo: &Demo, server: &Server) -> anyhow::Result<bool> {
    // Later demos on the same data find the devices where the last one left them, and take them from there in turn.
    let number = runs_before(api).await? + 1;
    let replace = number > 1;
    let customer = if number % 2 == 1 { fleet::CUSTOMER_A } else { fleet::CUSTOMER_B };
    let (Some(assign), Some(reassign)) = (demo.files.first(), demo.files.get(1)) else {
        anyhow::bail!("the example files are missing")
    };
    let runs = [
        Run {
            title: "1. Assign an AMOP customer to a messy file",
            asked: Asked::Assign {
                request: json!({
                    "change_type": "CustomerAssignment", "service_provider": fleet::PROVIDERS[0].name, "customer": customer,
                    "on_conflict": if replace { "replace" } else { "refuse" }, "reference": format!("demo {number} assign"),
                }),
                file: assign,
            },
            rows: assignment(&demo.plan),
            replace,
        },
        Run {
            title: "2. Reassign a part to a rev customer, with rate plan and pool",
            asked: Asked::Assign {
                request: json!({
                    "change_type": "CustomerAssignment", "service_provider": fleet::PROVIDERS[0].name, "customer": fleet::REV_CUSTOMER,
                    "on_conflict": "replace", "customer_rate_plan": fleet::RATE_PLAN, "customer_rate_pool": fleet::POOL,
                    "customer_data_allocation_mb": 5, "reference": format!("demo {number} reassign"),
                }),
                file: reassign,
            },
            rows: reassignment(&demo.plan),
            replace: false,
        },
        Run {
            title: "3. Undo the reassignment",
            asked: Asked::UndoOfTheLast,
            rows: reassignment(&demo.plan),
            replace: false,
        },
    ];
    let (mut agrees, mut last, mut seen) = (true, String::new(), Vec::new());
    for run in runs {
        agrees &= one(api, demo, server, run, &mut last).await?;
        seen.push((devices_of(api, customer).await?, devices_of(api, fleet::REV_CUSTOMER).await?));
    }
    // After the undo every customer has what it had after the first run.
    if seen.first() != seen.last() || seen.get(1) == seen.last() {
        println!("   DIFFERENCE the customers' devices after the three runs: {seen:?}");
        agrees = false;
    }
    agrees &= super::lines::run(api, demo, server, customer).await?;
    Ok(agrees)
}

async fn one(api: &Api, demo: &Demo, server: &Server, run: Run<'_>, last: &mut String) -> anyhow::Result<bool> {
    println!("\n{}", run.title);
    let began = now();
    let made = match run.asked {
        Asked::Assign { request, file } => {
            println!("   {} -> {}", file.display(), request["customer"]);
            plan::make(api, &request, file, None).await?
        }
        Asked::UndoOfTheLast => {
            println!("   change {last}");
            answer(api.request(Method::POST, &format!("/bulk-changes/{last}/undo")).send().await).await?
        }
    };
    let plan = plan::wait_until_planned(api, made).await?;
    let planned_in = began.elapsed();
    let id = plan["id"].as_str().context("a plan has an id")?.to_owned();
    let mut differences = Differences::default();
    plan_is_as_expected(api, &id, &run.rows, run.replace, &mut differences).await?;

    let began = now();
    change::send(api, &id, None).await?;
    let change = crate::client::watching::watch(api, &id).await?;
    let applied_in = began.elapsed();
    ledger_and_tables_agree(api, server, demo.tenant, &change, &run.rows, run.replace, &mut differences).await?;

    last.clone_from(&id);
    print_table(&plan, &change);
    let ok = change["counts"]["ok"].as_f64().unwrap_or(0.0);
    println!(
        "   planned {} rows in {:.2} s, settled {ok} devices in {:.2} s ({:.0} devices/s); change {id}",
        plan["counts"]["rows"],
        planned_in.as_secs_f64(),
        applied_in.as_secs_f64(),
        ok / applied_in.as_secs_f64().max(1e-9)
    );
    for difference in &differences.found {
        println!("   DIFFERENCE {difference}");
    }
    if differences.count() > differences.found.len() {
        println!("   … and {} more", differences.count() - differences.found.len());
    }
    Ok(differences.none())
}

fn print_table(plan: &Value, change: &Value) {
    let mut table = plain_table();
    table.set_header(["Result", "Reason", "Devices"]);
    table.add_row(["PROCESSED".to_owned(), String::new(), change["counts"]["ok"].to_string()]);
    for (name, status) in [("failed", "FAILED"), ("skipped", "SKIPPED"), ("needs_attention", "NEEDS_ATTENTION")] {
        if change["counts"][name] != 0 {
            table.add_row([status.to_owned(), String::new(), change["counts"][name].to_string()]);
        }
    }
    for (reason, count) in plan["counts"]["by_reason"].as_object().into_iter().flatten() {
        let result = if reason == "ALREADY_ASSIGNED_SAME" { "NO_CHANGE" } else { "REFUSED" };
        table.add_row([result.to_owned(), reason.clone(), count.to_string()]);
    }
    for line in table.to_string().lines() {
        println!("   {line}");
    }
}

/// How many devices the customer under this name or Rev customer id has.
async fn devices_of(api: &Api, customer: &str) -> anyhow::Result<u64> {
    let page = api.get("/customers", &[("q", customer)]).await?;
    Ok(page["items"][0]["devices"].as_u64().unwrap_or(0))
}

/// How many demos ran on this data before.
async fn runs_before(api: &Api) -> anyhow::Result<u32> {
    let mut most = 0;
    api.each("/bulk-changes", &[], Some(1_000), |change| {
        let number =
            change["reference"].as_str().and_then(|text| text.strip_prefix("demo ")?.split(' ').next()?.parse().ok());
        most = most.max(number.unwrap_or(0));
        Ok(())
    })
    .await?;
    Ok(most)
}

#[expect(clippy::disallowed_methods, reason = "the demo tells a person how long it took")]
fn now() -> Instant {
    Instant::now()
}
