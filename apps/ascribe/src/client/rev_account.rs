//! `ascribe rev-account`: accounts at Rev.io. Secrets come from files, never from the command line.

use super::output::{Column, Output, one};
use super::reference::{At, ById, said};
use super::{answer, list};
use crate::settings::{Settings, read_private};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `ascribe rev-account` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List accounts at Rev.io
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show an account, and how far it was read
    Get(ById),
    /// Make an account known
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// https://api.revioapi.com/v1, or the older https://restapi.rev.io/v1
        #[arg(long)]
        base_url: Option<String>,
        #[command(flatten)]
        pace: Pace,
        #[command(flatten)]
        output: Output,
    },
    /// Rename an account, move it, pace it, pause it
    Edit {
        #[command(flatten)]
        of: ById,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        /// Where its API is
        #[arg(long)]
        base_url: Option<String>,
        #[command(flatten)]
        pace: Pace,
        /// true: send nothing to it; false: go on
        #[arg(long)]
        paused: Option<bool>,
    },
    /// Write what the account signs in with; nobody is told it again
    SignIn {
        #[command(flatten)]
        of: ById,
        /// username@clientcode
        #[arg(long)]
        username: Option<String>,
        /// A file with the password, which nobody else may read
        #[arg(long)]
        password_file: Option<PathBuf>,
        /// A file with the subscription key, which nobody else may read
        #[arg(long)]
        subscription_key_file: Option<PathBuf>,
    },
}

/// What Rev.io allows.
#[derive(Debug, clap::Args)]
pub(crate) struct Pace {
    /// Calls that Rev.io allows in a minute
    #[arg(long)]
    calls_per_minute: Option<i32>,
    /// Calls that Rev.io allows in a day
    #[arg(long)]
    calls_per_day: Option<i32>,
}

const ACCOUNTS: &[Column] = &[
    ("Id", "/id"),
    ("Name", "/name"),
    ("Address", "/base_url"),
    ("A minute", "/calls_per_minute"),
    ("A day", "/calls_per_day"),
    ("Left today", "/calls_left_today"),
    ("Paused because", "/paused_because"),
];
const READINGS: &[Column] = &[
    ("Resource", "/resource"),
    ("Mirrored", "/mirrored_at"),
    ("Read", "/read"),
    ("New", "/made"),
    ("Changed", "/changed"),
    ("Gone", "/gone"),
    ("Unreadable", "/unreadable"),
    ("Kept because", "/kept_because"),
];

pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let at = At::new(settings, "/integration-authentications", ACCOUNTS)?;
    match command {
        Command::List { output } => list(&at.api, at.path, &[], None, output, at.columns).await,
        Command::Get(of) => {
            let found = at.api.get(&format!("{}/{}", at.path, of.id), &[]).await?;
            one(of.output, at.columns, &found)?;
            // To a person each reading is a line of its own; to a program it is in the account already.
            if of.output.is_for_people() {
                for reading in found["mirror"].as_array().into_iter().flatten() {
                    one(of.output, READINGS, reading)?;
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Create { name, base_url, pace, output } => {
            let new = json!({ "name": name, "base_url": base_url, "calls_per_minute": pace.calls_per_minute,
                "calls_per_day": pace.calls_per_day });
            at.create(output, new).await
        }
        Command::Edit { of, name, base_url, pace, paused } => {
            let edit = json!({ "name": name, "base_url": base_url, "calls_per_minute": pace.calls_per_minute,
                "calls_per_day": pace.calls_per_day, "paused": paused });
            at.edit(of, edit).await
        }
        Command::SignIn { of, username, password_file, subscription_key_file } => {
            let secrets = json!({ "username": username, "password": secret_in(password_file)?,
                "subscription_key": secret_in(subscription_key_file)? });
            let path = format!("{}/{}/credentials", at.path, of.id);
            let kept = answer(at.api.request(Method::POST, &path).json(&said(secrets)).send().await).await?;
            one(of.output, at.columns, &kept)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The secret in a file that nobody else may read.
pub(super) fn secret_in(file: Option<PathBuf>) -> anyhow::Result<Option<String>> {
    file.map(|path| Ok(read_private(&path)?.expose_secret().trim().to_owned())).transpose()
}
