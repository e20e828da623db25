//! Where the server's files are, whose they are, and what it says of itself in them.

use super::{ADMIN, Binaries, EmbeddedError, io_error};
use crate::Role;
use nix::fcntl::OFlag;
use nix::unistd::{Gid, Uid, User, chown};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Part of the socket's name; nothing listens on TCP.
pub(super) const PORT: u16 = 5432;

/// The longest path of a unix socket that every system takes (Linux: 107 bytes and a NUL).
const LONGEST_SOCKET_PATH: usize = 103;

/// The folders of one embedded server, and the user it runs as.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
    socket: PathBuf,
    user: RunAs,
}

/// Who the server runs as: root drops to `postgres`, or else `nobody`; everybody else stays who they are.
#[derive(Clone, Debug)]
pub(super) struct RunAs {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    /// We are root and the server is not.
    pub(super) drops: bool,
    /// The name we connect with, for the user map.
    ours: String,
}

impl RunAs {
    fn find() -> Result<Self, EmbeddedError> {
        let me = Uid::effective();
        let user = |uid: Uid| User::from_uid(uid).ok().flatten();
        let own = user(me).ok_or(EmbeddedError::NamelessUser(me.as_raw()))?;
        if !me.is_root() {
            return Ok(Self { uid: me, gid: Gid::effective(), drops: false, ours: own.name });
        }
        let server = ["ascribe", "postgres", "_postgres", "nobody"]
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .ok_or(EmbeddedError::NamelessUser(65_534))?;
        Ok(Self { uid: server.uid, gid: server.gid, drops: true, ours: own.name })
    }
}

impl Home {
    /// Makes the folders: under the data directory, or, if the server's user cannot get there, under `/var/lib/ascribe`.
    pub(super) fn prepare(data: &Path) -> Result<Self, EmbeddedError> {
        let user = RunAs::find()?;
        fs::create_dir_all(data).map_err(io_error("make the data directory", data))?;
        let data = data.canonicalize().map_err(io_error("find the data directory", data))?;
        let hash = hex::encode(&Sha256::digest(data.as_os_str().as_encoded_bytes())[..6]);
        let root = if user.drops && !reachable(&data, &user) {
            let elsewhere = Path::new("/var/lib/ascribe").join(&hash);
            let note = data.join("postgresql-is-elsewhere.txt");
            let text = format!(
                "The embedded PostgreSQL runs as a user who cannot enter this folder. Its files are in\n{}\n",
                elsewhere.display()
            );
            fs::write(&note, text).map_err(io_error("write the note", &note))?;
            elsewhere
        } else {
            data.join("postgresql")
        };
        let mut socket = root.join("socket");
        if socket.as_os_str().len() + "/.s.PGSQL.5432".len() > LONGEST_SOCKET_PATH {
            socket = std::env::temp_dir().join(format!("ascribe-{hash}"));
        }
        let home = Self { root, socket, user };
        if let Some(parent) = home.root.parent() {
            fs::create_dir_all(parent).map_err(io_error("make a folder", parent))?;
        }
        home.private_folder(&home.root)?;
        home.private_folder(&home.socket)?;
        Ok(home)
    }

    /// A folder of the server's user that nobody else can enter (root can).
    fn private_folder(&self, path: &Path) -> Result<(), EmbeddedError> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(io_error("make a folder", path)(error));
            }
            _ => {}
        }
        let found = fs::symlink_metadata(path).map_err(io_error("look at a folder", path))?;
        // A folder somebody else made under a guessable name (in /tmp, say) is not ours to use.
        if !found.is_dir() || (found.uid() != self.user.uid.as_raw() && found.uid() != Uid::effective().as_raw()) {
            return Err(io_error("the folder is somebody else's", path)(std::io::ErrorKind::PermissionDenied.into()));
        }
        if self.user.drops {
            chown(path, Some(self.user.uid), Some(self.user.gid))
                .map_err(|e| io_error("give a folder to the server's user", path)(e.into()))?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(io_error("close a folder", path))
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    pub(super) fn socket_dir(&self) -> &Path {
        &self.socket
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("postgresql.log")
    }

    /// `initdb` on the first start; then, always, who may connect: the owner of this process, as one of our two logins.
    pub(super) fn make_cluster(&self, binaries: &Binaries) -> Result<(), EmbeddedError> {
        let cluster = self.cluster();
        let version = cluster.join("PG_VERSION");
        if version.exists() {
            let text = fs::read_to_string(&version).map_err(io_error("read the version", &version))?;
            let made: u32 = text.trim().parse().unwrap_or(0);
            if made != binaries.major() {
                return Err(EmbeddedError::OtherVersion { path: cluster, made, found: binaries.major() });
            }
        } else {
            // Made aside and renamed: an initdb that is killed leaves nothing that looks like a cluster.
            let fresh = self.root.join("cluster.new");
            if fresh.exists() {
                fs::remove_dir_all(&fresh).map_err(io_error("remove a half-made cluster", &fresh))?;
            }
            let mut initdb = self.as_server_user(&binaries.program("initdb"));
            initdb.arg("--pgdata").arg(&fresh).args([
                "--username",
                ADMIN,
                "--encoding",
                "UTF8",
                "--auth",
                "peer",
                "--no-instructions",
            ]);
            let out = initdb.output().map_err(io_error("run initdb", &fresh))?;
            if !out.status.success() {
                return Err(EmbeddedError::Program {
                    program: "initdb",
                    said: String::from_utf8_lossy(&out.stderr).trim().to_owned(),
                });
            }
            fs::rename(&fresh, &cluster).map_err(io_error("put the cluster in its place", &cluster))?;
        }
        let ours = &self.user.ours;
        // One line per login: who runs this process may be each of these, and nobody may be anything else.
        let logins = || std::iter::once(ADMIN).chain(Role::ALL.into_iter().map(Role::name));
        let head = "# Written by ascribe at every start.\n";
        let hba = logins().map(|login| format!("local all {login} peer map=ascribe\n"));
        let ident = logins().map(|login| format!("ascribe \"{ours}\" {login}\n"));
        let (hba, ident) =
            (format!("{head}{}", hba.collect::<String>()), format!("{head}{}", ident.collect::<String>()));
        for (name, text) in [("pg_hba.conf", hba), ("pg_ident.conf", ident)] {
            let path = cluster.join(name);
            write_no_link(&path, &text).map_err(io_error("write", &path))?;
        }
        Ok(())
    }

    /// A command that runs as the server's user, in the C locale, from a folder that user can be in.
    pub(super) fn as_server_user(&self, program: &Path) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("PATH", "/usr/bin:/bin")
            .current_dir(&self.root);
        if self.user.drops {
            // std gives up the supplementary groups, too, when root sets a uid.
            command.uid(self.user.uid.as_raw()).gid(self.user.gid.as_raw());
        }
        command
    }

    /// What `postmaster.pid` says: the process, and whether it takes connections.
    pub(super) fn postmaster_pid(&self) -> Option<(i32, bool)> {
        let text = fs::read_to_string(self.cluster().join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        // Line 8 is the state, since PostgreSQL 10.
        let ready = lines.nth(6).is_some_and(|state| state.trim() == "ready");
        Some((pid, ready))
    }

    /// When `postmaster.pid` was last written; a server that starts writes it anew.
    pub(super) fn pid_file_written(&self) -> Option<std::time::SystemTime> {
        fs::metadata(self.cluster().join("postmaster.pid")).and_then(|found| found.modified()).ok()
    }

    /// Is this process a postmaster of this cluster, and not somebody who got its number later?
    pub(super) fn is_our_postmaster(&self, pid: i32) -> bool {
        let Ok(cluster) = self.cluster().canonicalize() else { return false };
        // A postmaster's working directory is its data directory.
        match fs::read_link(format!("/proc/{pid}/cwd")) {
            Ok(folder) => folder == cluster,
            // A container may not let root look there (no CAP_SYS_PTRACE); the command line is everybody's to read.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let mut words = line.split(|b| *b == 0).skip_while(|word| *word != b"-D");
                words.nth(1).is_some_and(|folder| Path::new(OsStr::from_bytes(folder)) == cluster)
            }
            // Without /proc (macOS) the number in its own file has to do.
            Err(_) => {
                !Path::new("/proc/self").exists()
                    && nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok()
            }
        }
    }

    /// Waits until the server, with this process id if one is given, takes connections.
    pub(super) fn wait_ready(&self, pid: Option<i32>, at_most: Duration) -> Result<(), EmbeddedError> {
        let began = started();
        while began.elapsed() < at_most {
            if self.postmaster_pid().is_some_and(|(found, ready)| {
                ready && pid.is_none_or(|pid| pid == found) && self.is_our_postmaster(found)
            }) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(EmbeddedError::NotReady(at_most))
    }
}

/// Writes a file in a folder that belongs to the server's user: root must not be led elsewhere by a link in it.
fn write_no_link(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true).mode(0o644).custom_flags(OFlag::O_NOFOLLOW.bits());
    options.open(path)?.write_all(text.as_bytes())
}

/// The start of a wait.
#[expect(clippy::disallowed_methods, reason = "how long to wait for a process is the machine's time, not the ledger's")]
pub(super) fn started() -> Instant {
    Instant::now()
}

/// Can the server's user get to this folder through every folder above it?
fn reachable(folder: &Path, user: &RunAs) -> bool {
    folder.ancestors().all(|step| {
        fs::metadata(step).is_ok_and(|found| {
            let mode = found.mode();
            if found.uid() == user.uid.as_raw() {
                mode & 0o100 != 0
            } else if found.gid() == user.gid.as_raw() {
                mode & 0o010 != 0
            } else {
                mode & 0o001 != 0
            }
        })
    })
}
