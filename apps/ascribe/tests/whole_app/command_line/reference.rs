//! What plans are made against, keys and the audit trail, from a terminal.

use super::{ascribe, printed, run};
use crate::devices;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use testing::{TestApp, iccid};

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Made, given credentials out of files that nobody else may read, paused; none of the secrets is printed.
async fn accounts_at_rev_io(url: &str, key: &str) {
    let made = ["rev-account", "create", "--name", "Sandbox", "--base-url", "https://api.revioapi.com/v1"];
    let made = json_of(&printed(&ascribe(url, key, &made, "").await, 0));
    let id = made["id"].as_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "canary\n").unwrap();
    let path = file.to_str().unwrap();
    let sign_in = ["rev-account", "sign-in", id, "--username", "api@sandbox", "--password-file", path, "-o", "json"];
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = ascribe(url, key, &sign_in, "").await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("chmod 600"), "others may read it");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let kept = printed(&ascribe(url, key, &sign_in, "").await, 0);
    assert!(json_of(&kept)["credentials"]["password"].is_string() && !kept.contains("canary"), "{kept}");
    let paused = ["rev-account", "edit", id, "--paused", "true", "-o", "csv"];
    assert!(printed(&ascribe(url, key, &paused, "").await, 0).contains("paused by a person"));
    for line in [vec!["rev-account", "get", id, "-o", "table"], vec!["rev-account", "list", "-o", "table"]] {
        let shown = printed(&ascribe(url, key, &line, "").await, 0);
        assert!(shown.contains("Sandbox") && shown.contains("paused by a person"), "{shown}");
    }
    printed(
        &ascribe(url, key, &["rev-account", "create", "--name", "X", "--base-url", "https://10.0.0.1/"], "").await,
        4,
    );
}

/// The account at a carrier: made by setting it, changed by setting it again, signed in out of files; no secret is printed.
async fn account_at_a_carrier(url: &str, key: &str, provider: &str) {
    let say = |rest: &str| {
        let line = format!("service-provider account {rest}");
        async move { ascribe(url, key, &line.split_whitespace().collect::<Vec<_>>(), "").await }
    };
    printed(&say(&format!("get {provider}")).await, 4);
    printed(&say(&format!("set {provider} --base-url https://10.0.0.1/api --account-name A-1")).await, 4);
    let set = format!("set {provider} --base-url https://thingspace.verizon.com/api --account-name A-1 -o json");
    let made = json_of(&printed(&say(&set).await, 0));
    assert_eq!((&made["account_name"], &made["calls_per_minute"]), (&json!("A-1"), &json!(100)));
    let paced = format!("set {provider} --calls-per-minute 60 --calls-per-day 7000 --paused true -o csv");
    let paced = printed(&say(&paced).await, 0);
    assert!(paced.contains("A-1,60,7000,7000,paused by a person"), "{paced}");
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path().join(name), permissions).unwrap();
    };
    for name in ["key", "secret", "password"] {
        std::fs::write(folder.path().join(name), format!("canary-{name}\n")).unwrap();
        mode(name, 0o600);
    }
    let at = folder.path().display();
    let sign_in = format!(
        "sign-in {provider} --key-file {at}/key --secret-file {at}/secret --username API --password-file {at}/password -o json"
    );
    mode("secret", 0o644);
    let refused = say(&sign_in).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("chmod 600"), "others may read it");
    mode("secret", 0o600);
    let kept = printed(&say(&sign_in).await, 0);
    assert_eq!(json_of(&kept)["credentials"].as_object().unwrap().len(), 4, "{kept}");
    let shown = printed(&say(&format!("get {provider} -o table")).await, 0);
    assert!(shown.contains("paused by a person") && !(kept + &shown).contains("canary"), "{shown}");
    printed(&say("set 00000000-0000-7000-8000-000000000000 --paused true").await, 4);
}

#[tokio::test]
async fn things_are_made_listed_edited_and_imported() {
    let app = TestApp::start(0).await.unwrap();
    let (url, key) = (app.url().to_owned(), app.fixture.key.reveal().to_owned());
    let say = |line: &'static str| {
        let (url, key) = (url.clone(), key.clone());
        async move { ascribe(&url, &key, &line.split_whitespace().collect::<Vec<_>>(), "").await }
    };
    for (thing, create, edit, shown) in [
        ("customer", "--name Gale", "--name Gust", "Gust"),
        ("site", "--name Dock", "--active false", "false"),
        ("rate-plan", "--code P-9 --service-provider Verizon", "--name Nine", "Nine"),
        ("pool", "--name Lake", "--name Sea", "Sea"),
        ("service-provider", "--name Two --integration telegence", "--write-enabled false", "false"),
    ] {
        let line = |rest: String| {
            let (url, key) = (url.clone(), key.clone());
            async move { ascribe(&url, &key, &rest.split_whitespace().collect::<Vec<_>>(), "").await }
        };
        let made = json_of(&printed(&line(format!("{thing} create {create}")).await, 0));
        let id = made["id"].as_str().unwrap();
        printed(&line(format!("{thing} create {create}")).await, 6);
        let edited = printed(&line(format!("{thing} edit {id} {edit} -o csv")).await, 0);
        assert!(edited.contains(shown), "{thing}: {edited}");
        let table = printed(&line(format!("{thing} get {id} -o table")).await, 0);
        assert!(table.contains("│") && table.contains(shown), "{table}");
        let listed = printed(&line(format!("{thing} list -o ndjson")).await, 0);
        assert!(listed.lines().any(|one| json_of(one)["id"] == id), "{thing}: {listed}");
    }
    accounts_at_rev_io(&url, &key).await;
    account_at_a_carrier(&url, &key, &app.fixture.provider.to_string()).await;
    printed(&say("customer get 00000000-0000-7000-8000-000000000000").await, 4);
    printed(&say("customer make").await, 2);

    let file = "name,closed\nBy file,\nCold,perhaps\n";
    let imported = ascribe(&url, &key, &["customer", "import", "-", "-o", "table"], file).await;
    let table = printed(&imported, 3);
    for word in ["Created", "Refused", "closed", "FIELD_INVALID", "Correct the field."] {
        assert!(table.contains(word), "{word}: {table}");
    }
    printed(&ascribe(&url, &key, &["customer", "import", "-"], "name\nBy file\n").await, 0);
    printed(&ascribe(&url, &key, &["customer", "import", "/nowhere/at/all"], "").await, 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_device_is_imported_looked_at_and_archived() {
    let app = TestApp::start(1).await.unwrap();
    let (url, key) = (app.url().to_owned(), app.fixture.key.reveal().to_owned());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sims.csv");
    std::fs::write(&path, format!("ICCID,Status\n{},active\n", iccid(600_000))).unwrap();
    let import = ["device", "import", "--service-provider", "Verizon", path.to_str().unwrap(), "-o", "json"];
    assert_eq!(json_of(&printed(&ascribe(&url, &key, &import, "").await, 0))["created"], 1);
    let sim = iccid(600_000);
    let shown = json_of(&printed(&ascribe(&url, &key, &["device", "get", &sim], "").await, 0));
    assert_eq!(shown["iccid"], sim);
    let id = shown["id"].as_str().unwrap();
    let archived = json_of(&printed(&ascribe(&url, &key, &["device", "archive", id], "").await, 0));
    assert_eq!(archived["archived"], true);
    printed(&ascribe(&url, &key, &["device", "unarchive", &sim], "").await, 0);
    printed(&ascribe(&url, &key, &["device", "get", "89000000000000000000"], "").await, 1);

    let change = app.carry_out("Water", &json!({}), std::slice::from_ref(&sim)).await.unwrap();
    let timeline = printed(&ascribe(&url, &key, &["device", "timeline", &sim, "-o", "csv"], "").await, 0);
    assert!(timeline.lines().nth(1).unwrap().contains("assignment,Water"), "{timeline}");
    let log = ["change", "log", change["id"].as_str().unwrap(), "1", "-o", "csv"];
    assert!(printed(&ascribe(&url, &key, &log, "").await, 0).contains("record_assignment,PROCESSED"));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn keys_are_made_revoked_and_read_from_files_that_nobody_else_may_read() {
    let app = TestApp::start(1).await.unwrap();
    let (url, key) = (app.url().to_owned(), app.fixture.key.reveal().to_owned());
    let create = ["key", "create", "--name", "dashboard", "--role", "user", "-o", "json"];
    let made = json_of(&printed(&ascribe(&url, &key, &create, "").await, 0));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{}\n", made["key"].as_str().unwrap())).unwrap();
    let path = file.to_str().unwrap();
    let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    let with_file = [("ASCRIBE_URL", url.as_str()), ("ASCRIBE_API_KEY_FILE", path)];
    mode(0o644);
    let open = run(&with_file, &["whoami"], "").await;
    printed(&open, 1);
    assert!(String::from_utf8_lossy(&open.stderr).contains("chmod 600"));
    mode(0o600);
    assert_eq!(json_of(&printed(&run(&with_file, &["whoami"], "").await, 0))["role"], "user");
    printed(&run(&with_file, &["key", "list"], "").await, 4);

    // The same by a profile.
    std::fs::create_dir(folder.path().join("ascribe")).unwrap();
    let profiles = format!("[lab]\nurl = \"{url}\"\napi_key_file = \"{path}\"\n");
    std::fs::write(folder.path().join("ascribe/profiles.toml"), profiles).unwrap();
    let home = folder.path().to_str().unwrap();
    let elsewhere =
        [("XDG_CONFIG_HOME", home), ("ASCRIBE_URL", "http://127.0.0.1:9"), ("ASCRIBE_API_KEY", key.as_str())];
    let me = printed(&run(&elsewhere, &["whoami", "--profile", "lab"], "").await, 0);
    assert_eq!(json_of(&me)["role"], "user");
    let unknown = run(&elsewhere, &["--profile", "moon", "whoami"], "").await;
    printed(&unknown, 2);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("only lab"), "it names those that are there");

    printed(&ascribe(&url, &key, &["key", "revoke", made["id"].as_str().unwrap()], "").await, 0);
    printed(&run(&with_file, &["whoami"], "").await, 4);
    printed(&run(&[("ASCRIBE_URL", url.as_str())], &["whoami"], "").await, 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn the_audit_trail_is_listed_and_verified_with_a_head_that_was_kept() {
    let app = TestApp::start(1).await.unwrap();
    let (url, key) = (app.url().to_owned(), app.fixture.key.reveal().to_owned());
    app.carry_out("Water", &json!({}), &devices(1)).await.unwrap();
    // Another test's transaction on the same server may hold the rest back for a moment.
    let all = app.database.number("select count(*) from app.audit_entry").await.unwrap();
    let mut sealed = 0;
    for _ in 0..300 {
        sealed += i64::from(database::audit::seal(&app.ledger, app.fixture.tenant).await.unwrap());
        if sealed == all {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let listed =
        printed(&ascribe(&url, &key, &["audit", "list", "--action", "plan_applied", "-o", "csv"], "").await, 0);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let found = json_of(&printed(&ascribe(&url, &key, &["audit", "verify"], "").await, 0));
    let head = format!("{}:{}", found["head"]["seal_number"], found["head"]["digest"].as_str().unwrap());
    printed(&ascribe(&url, &key, &["audit", "verify", "--head", &head], "").await, 0);
    app.database.plant("update app.audit_entry set actor = 'nobody' where action = 'plan_made'").await.unwrap();
    let broken = json_of(&printed(&ascribe(&url, &key, &["audit", "verify", "--head", &head], "").await, 1));
    assert_eq!(broken["whole"], false);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&run(&[], &["completions", shell], "").await, 0);
        for command in ["rate-plan", "service-provider", "doctor", "timeline"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}
