//! Uploads go to disk first, durably, before anything is read in them: a file of 256 MiB never sits in memory, and a plan
//! that a restart interrupts begins again from here. Beside each upload that is being planned lies a note with what is asked.

use domain::input_field::InputField;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// The folder of spooled uploads.
#[derive(Clone, Debug)]
pub struct Spool {
    pub(crate) folder: PathBuf,
    most_bytes: u64,
    /// Turns of who writes a workbook here.
    pub(crate) workbooks: Arc<Semaphore>,
}

/// Workbooks that are written at a time: each takes a core while it lasts.
const WORKBOOKS: usize = 2;

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

/// An upload on disk; the file is removed when this is dropped, unless a note about it was kept.
#[derive(Debug)]
pub struct Spooled {
    pub(crate) path: PathBuf,
    pub(crate) kept: bool,
    pub(crate) bytes: u64,
    pub(crate) sha256: [u8; 32],
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
        Ok(Self { folder, most_bytes, workbooks: Arc::new(Semaphore::new(WORKBOOKS)) })
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
            spooled: Spooled { path, kept: false, bytes: 0, sha256: [0; 32] },
            hash: Sha256::new(),
            most_bytes: self.most_bytes,
        })
    }
}

/// Removes what a process that was killed left behind: uploads that nobody has written or read for a day.
pub(crate) async fn sweep(folder: &Path) -> Result<(), SpoolError> {
    let mut entries = fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let old = entry.metadata().await?.modified()?.elapsed().is_ok_and(|age| age > Duration::from_secs(86_400));
        let path = entry.path();
        let is_ours = path.extension().is_some_and(|e| e == "upload" || e == "new" || e == "parked");
        if old && is_ours && !is_kept(&path, folder).await {
            // Another process may have been faster.
            drop(fs::remove_file(path).await);
        }
    }
    Ok(())
}

/// Does a note speak of this upload? Notes are few, and this is asked of old files only.
async fn is_kept(upload: &Path, folder: &Path) -> bool {
    let name = upload.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Ok(mut entries) = fs::read_dir(folder).await else { return true };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let is_note = entry.path().extension().is_some_and(|e| e == "note");
        if is_note && fs::read_to_string(entry.path()).await.is_ok_and(|text| text.contains(&name)) {
            return true;
        }
    }
    false
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

/// What is asked for with an upload: enough to plan it again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Whose.
    pub tenant: Uuid,
    /// With which key.
    pub api_key: Uuid,
    /// The plan.
    pub plan: Uuid,
    /// What was asked for.
    pub request: Value,
    /// The upload's file, in the spool's folder; None: the rows come from the ledger.
    pub upload: Option<String>,
    /// What the file was called.
    pub input_name: Option<String>,
    /// The finished change that is retried.
    pub retry_of: Option<Uuid>,
    /// The finished change that is taken back.
    pub undo_of: Option<Uuid>,
}

/// A note on disk, and the upload it is about. Kept when this is dropped: a process that is told to stop in the middle goes
/// on after its next start. [`Kept::done`] removes both.
#[derive(Debug)]
pub struct Kept {
    note: PathBuf,
    upload: Option<PathBuf>,
}

impl Kept {
    /// Where the upload is.
    #[must_use]
    pub fn upload(&self) -> Option<&Path> {
        self.upload.as_deref()
    }

    /// Was it written in the last minute?
    pub(crate) fn is_fresh(&self) -> bool {
        let written = std::fs::metadata(&self.note).and_then(|about| about.modified());
        written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < Duration::from_secs(60)))
    }

    /// Nothing more will be asked of it.
    pub fn done(self) {
        // A file that stays is swept when the spool is opened another day; there is nobody to tell here.
        drop(std::fs::remove_file(&self.note));
        if let Some(upload) = &self.upload {
            drop(std::fs::remove_file(upload));
        }
    }
}

impl Spool {
    /// Writes a note, durably, and keeps its upload from here on.
    ///
    /// # Errors
    /// The disk.
    pub async fn keep(&self, mut note: Note, upload: Option<Spooled>) -> Result<Kept, SpoolError> {
        let name =
            upload.as_ref().and_then(|spooled| spooled.path.file_name()).map(|n| n.to_string_lossy().into_owned());
        note.upload = name;
        let (path, fresh) =
            (self.folder.join(format!("{}.note", note.plan)), self.folder.join(format!("{}.note.new", note.plan)));
        let text = serde_json::to_vec(&note).map_err(io::Error::from)?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).await?;
        file.write_all(&text).await?;
        file.sync_all().await?;
        fs::rename(&fresh, &path).await?;
        let upload = upload.map(|mut spooled| {
            spooled.kept = true;
            spooled.path.clone()
        });
        Ok(Kept { note: path, upload })
    }

    /// Every note that lies here: plans that were not finished when their process ended.
    ///
    /// # Errors
    /// The disk.
    pub async fn notes(&self) -> Result<Vec<(Note, Kept)>, SpoolError> {
        let (mut found, mut entries) = (Vec::new(), fs::read_dir(&self.folder).await?);
        while let Some(entry) = entries.next_entry().await? {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "note") {
                continue;
            }
            let Ok(text) = fs::read(&path).await else { continue };
            let Ok(note) = serde_json::from_slice::<Note>(&text) else {
                tracing::warn!(path = %path.display(), "a note in the spool cannot be read");
                continue;
            };
            // Only the file's own name: a note never leads out of the folder.
            let upload =
                note.upload.as_deref().and_then(|name| Path::new(name).file_name()).map(|n| self.folder.join(n));
            found.push((note, Kept { note: path, upload }));
        }
        Ok(found)
    }

    /// Spools a list of devices that came inside a request, as the CSV file it might have been.
    ///
    /// # Errors
    /// The disk.
    pub async fn list(&self, id: Uuid, devices: &[ListedDevice]) -> Result<Spooled, SpoolError> {
        let used = |field: &InputField| {
            devices.iter().any(|d| d.named_by == *field || d.overrides.iter().any(|(other, _)| other == field))
        };
        let fields: Vec<InputField> = InputField::ALL.iter().copied().filter(used).collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        // The numbers keep a row without a device from being taken for the end of a sheet.
        let headings = std::iter::once("_row").chain(fields.iter().map(|field| field.word()));
        writer.write_record(headings).map_err(io::Error::other)?;
        for (number, device) in devices.iter().enumerate() {
            let cell = |field: &InputField| {
                if device.named_by == *field {
                    return device.device.as_str();
                }
                device.overrides.iter().find(|(other, _)| other == field).map_or("", |(_, text)| text.as_str())
            };
            let number = (number + 1).to_string();
            let row = std::iter::once(number.as_str()).chain(fields.iter().map(cell));
            // A line end inside a cell would be taken for a quotation mark that is not closed.
            writer.write_record(row.map(|cell| cell.replace(['\n', '\r'], " "))).map_err(io::Error::other)?;
        }
        let mut writing = self.begin(id).await?;
        writing.write(&writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?).await?;
        writing.finish().await
    }
}

/// A device that was listed in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedDevice {
    /// Its ICCID or subscriber number, as it was written; or a range of ICCIDs.
    pub device: String,
    /// Which of these that is: ICCID, MSISDN, or either.
    pub named_by: InputField,
    /// What is asked for it in place of the request.
    pub overrides: Vec<(InputField, String)>,
}

impl Drop for Spooled {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // A file that stays is swept when the spool is opened another day; there is nobody to tell here.
        drop(std::fs::remove_file(&self.path));
    }
}
