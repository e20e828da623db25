//! Where PostgreSQL's programs are: a setting, then PATH, then the folders systems put them in.

use super::EmbeddedError;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest major version that will do.
const FLOOR: u32 = 15;

/// A folder with `postgres` and `initdb` of one version.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
    major: u32,
}

impl Binaries {
    /// Finds them; a folder that was named is the only one looked at.
    ///
    /// # Errors
    /// `NoBinaries`, saying where it was looked.
    pub fn find(named: Option<&Path>) -> Result<Self, EmbeddedError> {
        let folders = named.map_or_else(candidates, |folder| vec![folder.to_owned()]);
        folders
            .iter()
            .filter_map(|folder| Self::at(folder))
            .max_by_key(|found| found.major)
            .filter(|found| found.major >= FLOOR)
            .ok_or_else(|| EmbeddedError::NoBinaries {
                looked: folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", "),
            })
    }

    fn at(folder: &Path) -> Option<Self> {
        // A link in PATH points at the real folder, where the other programs and the libraries are.
        let folder = folder.join("postgres").canonicalize().ok()?.parent()?.to_owned();
        if !folder.join("initdb").is_file() {
            return None;
        }
        let said = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        // "postgres (PostgreSQL) 15.18 (Debian …)"
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let major = text.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        Some(Self { folder, major })
    }

    /// A program's path.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The major version.
    #[must_use]
    pub const fn major(&self) -> u32 {
        self.major
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    folders.retain(|folder| folder.join("postgres").exists());
    // Debian and Ubuntu; the PostgreSQL project's RPMs; Homebrew; Postgres.app.
    for (root, inner) in [
        ("/usr/lib/postgresql", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "bin"),
    ] {
        let Ok(entries) = std::fs::read_dir(root) else { continue };
        folders.extend(
            entries.flatten().map(|entry| entry.path().join(inner)).filter(|folder| folder.join("postgres").exists()),
        );
    }
    folders.extend(
        (FLOOR..FLOOR + 10)
            .map(|major| PathBuf::from(format!("/usr/pgsql-{major}/bin")))
            .filter(|folder| folder.join("postgres").exists()),
    );
    if folders.is_empty() {
        folders.push(PathBuf::from("PATH"));
        folders.push(PathBuf::from("/usr/lib/postgresql"));
    }
    folders
}
