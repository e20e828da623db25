//! Starts the run's private PostgreSQL, runs a command with its address, stops it, and ends as the command did.
//! The command finds the same PostgreSQL's programs, as `ASCRIBE_PG_BIN` and in `PATH`.

use std::env;
use std::iter::once;
use std::process::{Command, ExitCode};
use testing::TestCluster;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: with-postgres COMMAND [ARGUMENT …]");
        return ExitCode::from(2);
    };
    let cluster = match TestCluster::start() {
        Ok(cluster) => cluster,
        Err(error) => {
            eprintln!("with-postgres: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let mut command = Command::new(program);
    command.args(arguments).env(testing::CLUSTER_VARIABLE, cluster.data()).env("ASCRIBE_PG_BIN", cluster.binaries());
    // Last in PATH, so that nothing of the system is replaced. A folder with a colon in its name cannot be in PATH.
    let path = env::var_os("PATH").unwrap_or_default();
    if let Ok(path) = env::join_paths(env::split_paths(&path).chain(once(cluster.binaries().to_owned()))) {
        command.env("PATH", path);
    }
    let ended = command.status();
    drop(cluster);
    match ended {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("with-postgres: {error}");
            ExitCode::FAILURE
        }
    }
}
