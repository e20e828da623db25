//! `ascribe service-provider account`: accounts at carriers. Secrets come from files, never from the command line.

use super::output::{Column, Output, one};
use super::reference::{ById, said};
use super::rev_account::secret_in;
use super::{Api, answer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// What `ascribe service-provider account` can do. The id is the service provider's.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the account, and how far its devices were read
    Get(ById),
    /// Make the account, move it, pace it, pause it
    Set {
        #[command(flatten)]
        of: ById,
        /// Where its API is: https://thingspace.verizon.com/api
        #[arg(long)]
        base_url: Option<String>,
        /// Its name at the carrier, such as 0000123456-00001
        #[arg(long)]
        account_name: Option<String>,
        /// Calls that the carrier allows in a minute
        #[arg(long)]
        calls_per_minute: Option<i32>,
        /// Calls that the carrier allows in a day
        #[arg(long)]
        calls_per_day: Option<i32>,
        /// true: send nothing to it; false: go on
        #[arg(long)]
        paused: Option<bool>,
    },
    /// Write what the account signs in with; nobody is told it again
    SignIn {
        #[command(flatten)]
        of: ById,
        /// A file with the application's key, which nobody else may read
        #[arg(long)]
        key_file: Option<PathBuf>,
        /// A file with the application's secret, which nobody else may read
        #[arg(long)]
        secret_file: Option<PathBuf>,
        /// The user that calls are made for
        #[arg(long)]
        username: Option<String>,
        /// A file with the user's password, which nobody else may read
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
}

const ACCOUNT: &[Column] = &[
    ("Service provider", "/service_provider/name"),
    ("Address", "/base_url"),
    ("Account", "/account_name"),
    ("A minute", "/calls_per_minute"),
    ("A day", "/calls_per_day"),
    ("Left today", "/calls_left_today"),
    ("Paused because", "/paused_because"),
    ("Calls back since", "/callbacks/registered_at"),
    ("Not because", "/callbacks/because"),
];
const READING: &[Column] = &[
    ("Started", "/started_at"),
    ("Ended", "/ended_at"),
    ("Last whole", "/read_at"),
    ("Read", "/read"),
    ("New", "/made"),
    ("Changed", "/changed"),
    ("Archived", "/archived"),
    ("Unreadable", "/unreadable"),
    ("Kept because", "/kept_because"),
];

pub(crate) async fn run(api: &Api, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Get(of) => {
            let found = api.get(&path(&of), &[]).await?;
            one(of.output, ACCOUNT, &found)?;
            // To a person the reading is a line of its own; to a program it is in the account already.
            if of.output.is_for_people() && !found["inventory"].is_null() {
                one(of.output, READING, &found["inventory"])?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Set { of, base_url, account_name, calls_per_minute, calls_per_day, paused } => {
            let account = json!({ "base_url": base_url, "account_name": account_name, "calls_per_minute": calls_per_minute,
                "calls_per_day": calls_per_day, "paused": paused });
            show(of.output, &keep(api, &path(&of), &said(account)).await?)
        }
        Command::SignIn { of, key_file, secret_file, username, password_file } => {
            let secrets = json!({ "key": secret_in(key_file)?, "secret": secret_in(secret_file)?, "username": username,
                "password": secret_in(password_file)? });
            let writing = api.request(Method::POST, &format!("{}/credentials", path(&of))).json(&said(secrets));
            show(of.output, &answer(writing.send().await).await?)
        }
    }
}

fn path(of: &ById) -> String {
    format!("/service-providers/{}/account", of.id)
}

fn show(output: Output, account: &Value) -> anyhow::Result<ExitCode> {
    one(output, ACCOUNT, account)?;
    Ok(ExitCode::SUCCESS)
}

/// Changes the account as it is seen now, so that somebody who was faster makes this a conflict; makes it where there is none.
pub(crate) async fn keep(api: &Api, path: &str, account: &Value) -> anyhow::Result<Value> {
    let seen = api.request(Method::GET, path).send().await;
    let none_yet = seen.as_ref().is_ok_and(|seen| seen.status() == StatusCode::NOT_FOUND);
    let tag = seen.as_ref().ok().and_then(|seen| seen.headers().get("etag").cloned());
    let mut keeping = api.request(Method::PUT, path).json(account);
    if none_yet {
        keeping = keeping.header("If-Match", "*");
    } else {
        answer(seen).await?;
        if let Some(tag) = tag {
            keeping = keeping.header("If-Match", tag);
        }
    }
    answer(keeping.send().await).await
}
