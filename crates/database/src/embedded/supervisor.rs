//! One thread that starts the postmaster, reaps it, starts it again if it was killed, and stops it in the end.
//!
//! It is the thread that lives as long as the process, because Linux sends the parent-death signal when the *thread* that
//! forked ends (prctl(2), PR_SET_PDEATHSIG); and the signal is asked for after the change of user, which would clear it.

use super::home::{Home, started};
use super::{Binaries, EmbeddedError, io_error};
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a fast shutdown may take before it is made an immediate one.
const STOP_WITHIN: Duration = Duration::from_secs(4);
/// How long an orphan, or the backends of a killed postmaster, may take to go.
const GONE_WITHIN: Duration = Duration::from_secs(30);
/// How long a start may take, crash recovery included.
const READY_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The running thread.
#[derive(Debug)]
pub(super) struct Supervisor {
    stop: Arc<AtomicBool>,
    pid: Arc<AtomicI32>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts the server and returns when it takes connections.
    pub(super) fn start(home: Home, binaries: Arc<Binaries>, fsync: bool) -> Result<Self, EmbeddedError> {
        let (stop, pid) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI32::new(0)));
        let (tell, ready) = mpsc::channel();
        let watch = Watch { home: home.clone(), binaries, fsync, stop: Arc::clone(&stop), pid: Arc::clone(&pid) };
        let thread = std::thread::Builder::new()
            .name("postgresql".into())
            .spawn(move || watch.run(&tell))
            .map_err(io_error("start the supervisor thread", home.socket_dir()))?;
        let supervisor = Self { stop, pid, thread: Some(thread) };
        match ready.recv() {
            Ok(Ok(())) => Ok(supervisor),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(EmbeddedError::NotReady(READY_WITHIN)),
        }
    }

    pub(super) fn postmaster(&self) -> Option<i32> {
        Some(self.pid.load(Ordering::SeqCst)).filter(|pid| *pid != 0)
    }

    pub(super) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.end();
    }
}

struct Watch {
    home: Home,
    binaries: Arc<Binaries>,
    fsync: bool,
    stop: Arc<AtomicBool>,
    pid: Arc<AtomicI32>,
}

impl Watch {
    fn run(&self, tell: &mpsc::Sender<Result<(), EmbeddedError>>) {
        let mut child = match self.stop_orphan().and_then(|()| self.start_until_ready()) {
            Ok(child) => child,
            Err(error) => {
                // Nobody is listening only if the starter died, and then nobody is to be told.
                drop(tell.send(Err(error)));
                return;
            }
        };
        drop(tell.send(Ok(())));
        loop {
            if self.stop.load(Ordering::SeqCst) {
                self.stop_child(&mut child);
                return;
            }
            match child.try_wait() {
                Ok(None) => std::thread::sleep(LOOK_EVERY),
                Ok(Some(_)) | Err(_) => {
                    self.pid.store(0, Ordering::SeqCst);
                    tracing::warn!("the embedded PostgreSQL ended; starting it again");
                    match self.start_until_ready() {
                        Ok(again) => child = again,
                        Err(error) => {
                            tracing::error!(
                                error = &error as &dyn std::error::Error,
                                "the embedded PostgreSQL does not start again"
                            );
                            std::thread::sleep(Duration::from_secs(1));
                        }
                    }
                }
            }
        }
    }

    /// A server of this data directory that nobody owns (we hold the lock) is stopped, never talked to.
    fn stop_orphan(&self) -> Result<(), EmbeddedError> {
        let Some((pid, _)) = self.home.postmaster_pid() else { return Ok(()) };
        let began = started();
        let mut signal = Signal::SIGINT;
        while self.home.is_our_postmaster(pid) {
            if began.elapsed() > GONE_WITHIN {
                return Err(EmbeddedError::OrphanStays { pid });
            }
            if began.elapsed() > STOP_WITHIN {
                signal = Signal::SIGQUIT;
            }
            // It may be gone between the look and the signal; the next look tells.
            let _ = kill(Pid::from_raw(pid), signal);
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Starts, and starts again while the backends of a killed postmaster still hold its memory.
    fn start_until_ready(&self) -> Result<Child, EmbeddedError> {
        let began = started();
        loop {
            // In a container that starts over, an old file may say "ready" of the very number that the new server gets.
            let stale = self.home.pid_file_written();
            let mut child = self.spawn()?;
            let pid = i32::try_from(child.id()).unwrap_or(0);
            loop {
                if self.home.postmaster_pid() == Some((pid, true)) && self.home.pid_file_written() != stale {
                    self.pid.store(pid, Ordering::SeqCst);
                    return Ok(child);
                }
                if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                    break;
                }
                if self.stop.load(Ordering::SeqCst) || began.elapsed() > READY_WITHIN {
                    self.stop_child(&mut child);
                    return Err(EmbeddedError::NotReady(READY_WITHIN));
                }
                std::thread::sleep(LOOK_EVERY);
            }
            // A server that ends at once for another reason than the memory will not get better for long.
            if began.elapsed() > GONE_WITHIN || self.stop.load(Ordering::SeqCst) {
                return Err(EmbeddedError::Program { program: "postgres", said: self.last_words() });
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn spawn(&self) -> Result<Child, EmbeddedError> {
        let log_path = self.home.log();
        let log = File::options()
            .create(true)
            .append(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&log_path)
            .map_err(io_error("open the log", &log_path))?;
        let on_off = if self.fsync { "on" } else { "off" };
        let mut command = self.home.as_server_user(&self.binaries.program("postgres"));
        command.arg("-D").arg(self.home.cluster()).arg("-k").arg(self.home.socket_dir());
        for setting in [
            "listen_addresses=",
            "port=5432",
            "unix_socket_permissions=0700",
            "max_connections=120",
            "shared_buffers=256MB",
            "max_wal_size=2GB",
            "timezone=UTC",
            "log_timezone=UTC",
            &format!("fsync={on_off}"),
            &format!("full_page_writes={on_off}"),
            &format!("synchronous_commit={on_off}"),
        ] {
            command.arg("-c").arg(setting);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        #[cfg(target_os = "linux")]
        #[expect(unsafe_code, reason = "between fork and exec; prctl is async-signal-safe and allocates nothing")]
        // SAFETY: the closure makes one system call and touches no memory of the parent.
        unsafe {
            command.pre_exec(|| nix::sys::prctl::set_pdeathsig(Signal::SIGINT).map_err(Into::into));
        }
        command.spawn().map_err(io_error("start postgres", &self.home.cluster()))
    }

    fn stop_child(&self, child: &mut Child) {
        self.pid.store(0, Ordering::SeqCst);
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(0));
        let began = started();
        let mut signal = Signal::SIGINT;
        let _ = kill(pid, signal);
        while matches!(child.try_wait(), Ok(None)) {
            if began.elapsed() > STOP_WITHIN && signal == Signal::SIGINT {
                signal = Signal::SIGQUIT;
                let _ = kill(pid, signal);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.home.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}
