//! The first person, made as an operator makes them: by `ascribe init`, or with the token that `ascribe serve` leaves.

use super::{printed, run};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testing::{Browser, PASSWORD};

/// `ascribe serve`, ended with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // SIGTERM, so that the database's server ends, too.
        drop(Command::new("kill").arg(self.0.id().to_string()).status());
        drop(self.0.wait());
    }
}

async fn serve(environment: &[(&str, &str)]) -> (Serving, Browser) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let child = Command::new(env!("CARGO_BIN_EXE_ascribe"))
        .arg("serve")
        .envs(environment.iter().copied())
        .env("ASCRIBE_LISTEN", format!("127.0.0.1:{port}"))
        .env("ASCRIBE_LOG", "error")
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let serving = Serving(child);
    let mut browser = Browser::from(&url, [127, 0, 0, 1]).unwrap();
    for _ in 0..1_200 {
        if browser.get("/readyz").await.is_ok_and(|seen| seen.status == 200) {
            return (serving, browser);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("it did not become ready within a minute");
}

fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn init_makes_the_first_administrator_and_serve_leaves_a_token_while_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let pg = std::env::var("ASCRIBE_PG_BIN").unwrap_or_default();
    let mut environment = vec![("ASCRIBE_DATA", data.to_str().unwrap())];
    if !pg.is_empty() {
        environment.push(("ASCRIBE_PG_BIN", &pg));
    }
    // A key alone lets nobody sign in: whoever has the token makes the first person.
    printed(&run(&environment, &["init", "--tenant", "Alpha"], "").await, 0);
    let token = data.join("set-up.token");
    {
        let (_serving, mut browser) = serve(&environment).await;
        assert_eq!(std::fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(browser.get("/").await.unwrap().location(), "/set-up");
        let page = browser.get("/set-up").await.unwrap();
        assert!(page.html.contains("set-up.token"), "{}", page.html);
    }
    // The same token after another start: who has noted it can go on with it.
    let noted = std::fs::read_to_string(&token).unwrap();
    {
        let (_serving, mut browser) = serve(&environment).await;
        browser.get("/set-up").await.unwrap();
        let fields = [
            ("token", noted.trim()),
            ("tenant", "Alpha"),
            ("time_zone", "UTC"),
            ("name", "First"),
            ("email", "first@example.com"),
            ("password", PASSWORD),
        ];
        assert_eq!(browser.post("/set-up", &fields).await.unwrap().location(), "/sign-in?done=password");
        assert!(!token.exists());
        assert_eq!(browser.sign_in("first@example.com", PASSWORD).await.unwrap().location(), "/");
    }
    // A second administrator, and one of an agent, by init.
    let password = folder.path().join("password");
    private(&password, "another sentence that is long\n");
    let file = password.to_str().unwrap();
    let second = ["init", "--tenant", "Alpha", "--email", "second@example.com", "--password-file", file];
    printed(&run(&environment, &second, "").await, 0);
    let again = run(&environment, &second, "").await;
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("signs in here already"));
    let agent = ["init", "--tenant", "Gamma", "--partner", "Alpha", "--role", "agent_partner_admin"];
    let same = [&agent[..], &["--email", "second@example.com"]].concat();
    let told = run(&environment, &same, "").await;
    assert!(String::from_utf8_lossy(&told.stderr).contains("may act in Gamma now, too"), "{told:?}");
    let linked = run(&environment, &[&agent[..], &["--email", "third@example.com"]].concat(), "").await;
    assert!(String::from_utf8_lossy(&linked.stderr).contains("/invitation/"), "{linked:?}");
    let key = String::from_utf8_lossy(&linked.stdout).into_owned();
    assert!(key.starts_with("ascribe_") && key.lines().count() == 1, "stdout has the key and nothing else");
    // Whose agent a tenant is, is what was decided when it was made.
    printed(&run(&environment, &["init", "--tenant", "Beta"], "").await, 0);
    for wrong in [
        ["init", "--tenant", "Gamma", "--partner", "Beta", "--email", "fourth@example.com"],
        ["init", "--tenant", "Beta", "--partner", "Alpha", "--email", "second@example.com"],
    ] {
        let refused = run(&environment, &wrong, "").await;
        assert_eq!(refused.status.code(), Some(1), "{wrong:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("is no agent of"), "{refused:?}");
        assert!(refused.stdout.is_empty(), "and no key is made: {refused:?}");
    }
    private(&password, "short");
    let weak = ["init", "--tenant", "Alpha", "--email", "weak@example.com", "--password-file", file];
    assert_eq!(run(&environment, &weak, "").await.status.code(), Some(1));

    let (_serving, mut browser) = serve(&environment).await;
    assert!(!token.exists(), "somebody can sign in: no token");
    let seen = browser.sign_in("second@example.com", "another sentence that is long").await.unwrap();
    assert_eq!(seen.location(), "/", "{}", seen.html);
    let tenants = browser.get("/tenants").await.unwrap();
    assert!(tenants.html.contains("Act in Gamma"), "{}", tenants.html);
    let link = String::from_utf8_lossy(&linked.stderr).into_owned();
    let line = link.lines().find(|line| line.contains("/invitation/")).unwrap();
    assert!(
        line.starts_with("http://127.0.0.1:") && line.split_whitespace().count() == 1,
        "nothing but the link: {line:?}"
    );
    let link = line.split("/invitation/").nth(1).unwrap().to_owned();
    let page = browser.get(&format!("/invitation/{link}")).await.unwrap();
    assert!(page.html.contains("third@example.com"), "{}", page.html);
}
