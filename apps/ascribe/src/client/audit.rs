//! `ascribe audit`

use super::output::{Column, Output, one};
use super::{Api, list};
use crate::settings::Settings;
use std::process::ExitCode;

/// What `ascribe audit` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the audit trail, newest first
    List {
        /// Of this plan or bulk change
        #[arg(long)]
        bulk_change: Option<String>,
        /// Of this kind, such as plan_applied
        #[arg(long)]
        action: Option<String>,
        /// By this actor, such as api_key:ID
        #[arg(long)]
        actor: Option<String>,
        /// From this moment on
        #[arg(long)]
        since: Option<String>,
        /// Before this moment
        #[arg(long)]
        until: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        output: Output,
    },
    /// Compute the trail's digests again; keep the head that it shows, and show it next time
    Verify {
        /// A head that you kept: its number and digest, as 12:ab34…
        #[arg(long)]
        head: Option<String>,
        #[command(flatten)]
        output: Output,
    },
}

const ENTRIES: &[Column] = &[
    ("When", "/at"),
    ("Who", "/actor"),
    ("What", "/action"),
    ("Bulk change", "/bulk_change_id"),
    ("Chunk", "/chunk_number"),
    ("Detail", "/detail"),
];
const VERIFICATION: &[Column] = &[
    ("Whole", "/whole"),
    ("Seals", "/seals"),
    ("Entries", "/entries"),
    ("Not sealed yet", "/unsealed"),
    ("Head", "/head/seal_number"),
    ("Its digest", "/head/digest"),
    ("Broken", "/broken"),
];

/// 1: the trail is not whole.
pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let api = Api::from_settings(settings)?;
    match command {
        Command::List { bulk_change, action, actor, since, until, limit, output } => {
            let given = [
                ("bulk_change", bulk_change),
                ("action", action),
                ("actor", actor),
                ("since", since),
                ("until", until),
            ];
            list(&api, "/audit", &given, Some(limit), output, ENTRIES).await
        }
        Command::Verify { head, output } => {
            let known = head.as_deref().and_then(|head| head.split_once(':'));
            anyhow::ensure!(known.is_some() == head.is_some(), "a head is its number and digest, as 12:ab34…");
            let query: Vec<(&str, &str)> =
                known.into_iter().flat_map(|(number, digest)| [("seal_number", number), ("digest", digest)]).collect();
            let found = api.get("/audit/verify", &query).await?;
            one(output, VERIFICATION, &found)?;
            Ok(if found["whole"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}
