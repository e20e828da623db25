//! From nothing to a mirror, as an operator types it: a simulated Rev.io, a server, an account, a reading, a look by the doctor.

use super::{printed, run};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A role that runs until it is told to stop; ended by its id, also when the test fails.
struct Role(Child);

impl Role {
    fn start(environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ascribe"));
        command.args(arguments).env_remove("DATABASE_URL").envs(environment.iter().copied());
        Self(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn stop(&mut self) {
        let _ = kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.stop();
    }
}

#[tokio::test]
async fn an_account_is_made_signed_in_to_read_and_found_healthy() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut simulator = Role::start(&[], &["simulate", "--listen", "127.0.0.1:0", "--seed", "3"]);
    let mut first = String::new();
    BufReader::new(simulator.0.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let simulated = first.split("/about").next().unwrap().to_owned();
    let about: Value = reqwest::get(format!("{simulated}/about")).await.unwrap().json().await.unwrap();
    let billing = &about["rev-io"];
    let word = |name: &str| billing[name].as_str().unwrap().to_owned();

    let data = folder.path().join("data");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (listen, url) = (free.to_string(), format!("http://{free}"));
    let pg = std::env::var("ASCRIBE_PG_BIN").unwrap_or_default();
    let mut environment = vec![
        ("ASCRIBE_DATA", data.to_str().unwrap()),
        ("ASCRIBE_LISTEN", listen.as_str()),
        ("ASCRIBE_URL", url.as_str()),
        ("ASCRIBE_REV_IO_HOSTS", "127.0.0.1"),
        // Read by hand here, and not by the server.
        ("ASCRIBE_SYNC_MINUTES", "900000"),
        // What was read before a plan was asked for is too old for it.
        ("ASCRIBE_BILLING_MINUTES", "0.001"),
    ];
    if !pg.is_empty() {
        environment.push(("ASCRIBE_PG_BIN", &pg));
    }
    let key = printed(&run(&environment, &["init", "--tenant", "Alpha"], "").await, 0).trim().to_owned();
    environment.push(("ASCRIBE_API_KEY", &key));
    assert!(printed(&run(&environment, &["sync"], "").await, 1).is_empty(), "there is no account yet");
    let mut server = Role::start(&environment, &["serve"]);
    for _ in 0..300 {
        if run(&environment, &["whoami"], "").await.status.success() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let create = ["rev-account", "create", "--name", "Simulated", "--base-url", &word("base_url"), "-o", "json"];
    let made: Value = serde_json::from_str(&printed(&run(&environment, &create, "").await, 0)).unwrap();
    let id = made["id"].as_str().unwrap();
    let doctor = || async {
        let found = printed(&run(&environment, &["doctor", "-o", "ndjson"], "").await, 0);
        found
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .find(|one: &Value| one["check"] == "rev.io")
            .unwrap()
    };
    let unsigned = doctor().await;
    assert!(unsigned["fix"].as_str().unwrap().contains("sign-in"), "{unsigned}");
    let secret = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (password, subscription) = (secret("p", &word("password")), secret("k", &word("subscription_key")));
    let user = word("username");
    let sign_in = [
        "rev-account",
        "sign-in",
        id,
        "--username",
        &user,
        "--password-file",
        &password,
        "--subscription-key-file",
        &subscription,
    ];
    printed(&run(&environment, &sign_in, "").await, 0);
    let read = printed(&run(&environment, &["sync", "--account", "Simulated"], "").await, 0);
    for line in ["customers                50 read       50 new", "services               1000 read     1000 new"] {
        assert!(read.contains(line), "{line} in {read}");
    }
    let healthy = doctor().await;
    assert_eq!(healthy["state"], "ok", "{healthy}");
    let customers = printed(&run(&environment, &["customer", "list", "--limit", "100", "-o", "ndjson"], "").await, 0);
    assert_eq!(customers.lines().count(), 50, "{customers}");
    a_plan_that_opens_lines_has_its_customer_read_by_the_server(&environment, &customers).await;
    let mode = std::fs::metadata(data.join("secret.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the key is its owner's alone");
    server.stop();
    simulator.stop();
}

async fn a_plan_that_opens_lines_has_its_customer_read_by_the_server(environment: &[(&str, &str)], customers: &str) {
    let create = ["service-provider", "create", "--name", "Verizon", "--integration", "thingspace"];
    printed(&run(environment, &create, "").await, 0);
    let sim = testing::iccid(1);
    let import = ["device", "import", "--service-provider", "Verizon", "-"];
    printed(&run(environment, &import, &format!("iccid,msisdn,status\n{sim},12025550142,active\n")).await, 0);
    let customers = customers.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let open = customers.into_iter().find(|customer| customer["closed"] != true).unwrap();
    let customer = open["rev_customer_id"].as_str().unwrap().to_owned();
    let plan = |product: &'static str| {
        let mut arguments = vec!["plan", "assign", "--service-provider", "Verizon", "--customer", &customer];
        arguments.extend(["--create-rev-service", "--product", product, "--devices", "-", "-o", "json"]);
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let sim = format!("iccid\n{sim}\n");
        async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let planned = run(environment, &arguments, &sim).await;
            serde_json::from_str::<Value>(&printed(&planned, 0)).unwrap()
        }
    };
    let made = plan("IoT line 1 MB").await;
    assert_eq!((&made["counts"]["change"], &made["warnings"]), (&Value::from(1), &Value::Array(Vec::new())), "{made}");
    assert_eq!(made["side_effects"][0]["step"], "open_rev_service");
    let (read, asked) = (made["billing_mirrored_at"].as_str().unwrap(), made["created_at"].as_str().unwrap());
    let moment = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert!(moment(read) >= moment(asked), "{made}");
}
