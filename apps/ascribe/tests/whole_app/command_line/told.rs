//! `ascribe webhook`, `ascribe site-group` and `ascribe agent`.

use super::{ascribe, printed};
use serde_json::{Value, json};
use testing::{Agent, TestApp, iccid};

#[tokio::test]
async fn webhooks_groups_and_agents_are_looked_after_from_the_command_line() {
    let app = TestApp::start(2).await.unwrap();
    let agent = Agent::make(&app, &[]).await.unwrap();
    let (url, key) = (app.url().to_owned(), app.fixture.key.reveal().to_owned());
    let run = async |arguments: &[&str], input: &str, code: i32| -> Value {
        let text = printed(&ascribe(&url, &key, &[arguments, &["-o", "json"]].concat(), input).await, code);
        serde_json::from_str(&text).unwrap_or(Value::Null)
    };
    let made = run(&["webhook", "create", "--url", "https://hooks.example.com/x"], "", 0).await;
    assert_eq!(made["events"].as_array().unwrap().len(), 11, "every event, if none is said");
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let id = made["id"].as_str().unwrap();
    let edited = run(&["webhook", "edit", id, "--event", "plan.ready", "--paused", "true"], "", 0).await;
    assert_eq!((&edited["events"], &edited["status"]), (&json!(["plan.ready"]), &json!("PAUSED")));
    run(&["webhook", "test", id], "", 6).await;
    run(&["webhook", "edit", id, "--paused", "false"], "", 0).await;
    assert_eq!(run(&["webhook", "test", id], "", 0).await["event"], "webhook.test");
    let told = run(&["webhook", "deliveries", id, "--status", "PENDING"], "", 0).await;
    assert_eq!(told[0]["event"], "webhook.test");
    assert_eq!(run(&["webhook", "list"], "", 0).await.as_array().unwrap().len(), 1);
    printed(&ascribe(&url, &key, &["webhook", "archive", id], "").await, 0);
    assert_eq!(run(&["webhook", "get", id], "", 0).await["status"], "ARCHIVED");
    run(&["webhook", "create", "--url", "http://127.0.0.1/"], "", 4).await;

    let water = app.fixture.water.1.to_string();
    let group = run(&["site-group", "create", "--name", "North"], "", 0).await;
    let group = group["id"].as_str().unwrap();
    assert_eq!(run(&["site-group", "add", group, "--site", &water], "", 0).await["sites"][0]["name"], "Water");
    assert_eq!(run(&["site-group", "edit", group, "--name", "South"], "", 0).await["name"], "South");
    assert_eq!(run(&["site-group", "list"], "", 0).await[0]["site_count"], 1);
    let confined = run(&["key", "create", "--name", "k", "--role", "user", "--site-group", group], "", 0).await;
    assert_eq!(confined["site_groups"], json!([group]));
    assert_eq!(run(&["site-group", "remove", group, "--site", &water], "", 0).await["sites"], json!([]));

    let agent = agent.tenant.to_string();
    let file = format!("iccid\n{}\n{}\nbroken\n", iccid(0), iccid(1));
    assert_eq!(run(&["agent", "give", "--agent", &agent, "-"], &file, 3).await["created"], 2);
    assert_eq!(run(&["agent", "list"], "", 0).await[0]["devices"], 2);
    let one = format!("iccid\n{}\n", iccid(0));
    let back = run(&["agent", "take-back", "--agent", &agent, "--even-if-assigned", "-"], &one, 0).await;
    assert_eq!(back["updated"], 1);
    app.finish().await.unwrap();
}
