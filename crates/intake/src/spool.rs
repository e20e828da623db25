//! Uploads go to disk first, durably, before anything is read in them: a file of 256 MiB never sits in memory.

use sha2::{Digest, Sha256};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

/// The folder of spooled uploads.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
    most_bytes: u64,
}

/// Why an upload could not be spooled.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// More bytes than are taken.
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    /// The disk.
    #[error("the upload could not be written to disk")]
    Io(#[from] io::Error),
}

/// An upload that is being written.
#[derive(Debug)]
pub struct Writing {
    file: File,
    spooled: Spooled,
    hash: Sha256,
    most_bytes: u64,
}

/// An upload on disk; the file is removed when this is dropped.
#[derive(Debug)]
pub struct Spooled {
    path: PathBuf,
    bytes: u64,
    sha256: [u8; 32],
}

impl Spool {
    /// Spools into this folder, made if it is missing.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub async fn open(folder: PathBuf, most_bytes: u64) -> Result<Self, SpoolError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).await?;
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).await?;
        sweep(&folder).await?;
        Ok(Self { folder, most_bytes })
    }

    /// Begins a file of this name.
    ///
    /// # Errors
    /// The file cannot be made.
    pub async fn begin(&self, id: Uuid) -> Result<Writing, SpoolError> {
        let path = self.folder.join(format!("{id}.upload"));
        // Customers' ICCIDs are nobody else's to read.
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await?;
        Ok(Writing {
            file,
            spooled: Spooled { path, bytes: 0, sha256: [0; 32] },
            hash: Sha256::new(),
            most_bytes: self.most_bytes,
        })
    }
}

/// Removes what a process that was killed left behind: uploads that nobody has written or read for a day.
async fn sweep(folder: &Path) -> Result<(), SpoolError> {
    let mut entries = fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let old = entry.metadata().await?.modified()?.elapsed().is_ok_and(|age| age > Duration::from_secs(86_400));
        if old && entry.path().extension().is_some_and(|e| e == "upload") {
            // Another process may have been faster.
            drop(fs::remove_file(entry.path()).await);
        }
    }
    Ok(())
}

impl Writing {
    /// Writes the next piece.
    ///
    /// # Errors
    /// `TooLarge`, or the disk.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), SpoolError> {
        self.spooled.bytes += piece.len() as u64;
        if self.spooled.bytes > self.most_bytes {
            return Err(SpoolError::TooLarge(self.most_bytes));
        }
        self.hash.update(piece);
        Ok(self.file.write_all(piece).await?)
    }

    /// Ends the file; when this returns, it is on the disk.
    ///
    /// # Errors
    /// The disk.
    pub async fn finish(mut self) -> Result<Spooled, SpoolError> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        self.spooled.sha256 = self.hash.finalize().into();
        Ok(self.spooled)
    }
}

impl Spooled {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it, as a fingerprint.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        // A file that stays is swept when the spool is opened another day; there is nobody to tell here.
        drop(std::fs::remove_file(&self.path));
    }
}
