//! Starts the run's private PostgreSQL, runs a command with its address, stops it, and ends as the command did.

use std::process::{Command, ExitCode};
use testing::TestCluster;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
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
    let ended = Command::new(program).args(arguments).env(testing::CLUSTER_VARIABLE, cluster.data()).status();
    drop(cluster);
    match ended {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("with-postgres: {error}");
            ExitCode::FAILURE
        }
    }
}
