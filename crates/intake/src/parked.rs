//! Inputs that wait for the rest of what is asked: a form first takes the devices, then says what is to become of them. An input
//! lies in the spool with a slip that says whose it is; only they find it again, and after a day it is swept.

use crate::looking::Look;
use crate::spool::{Spool, SpoolError, Spooled, sweep};
use database::api_key::Caller;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::fs;
use uuid::Uuid;

/// So long an input waits.
const WAITS: Duration = Duration::from_secs(23 * 3_600);

/// An input that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    tenant: Uuid,
    api_key: Uuid,
    /// What the file was called.
    pub name: Option<String>,
    /// What is in it.
    pub look: Look,
    bytes: u64,
    sha256: [u8; 32],
}

impl Parked {
    /// What is in it, as a fingerprint.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

impl Spool {
    fn slip(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.parked"))
    }

    fn parked_file(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.waiting.upload"))
    }

    /// Keeps an input under this id until somebody asks for it again.
    ///
    /// # Errors
    /// The disk.
    pub async fn park(
        &self,
        id: Uuid,
        caller: &Caller,
        name: Option<String>,
        spooled: Spooled,
        look: Look,
    ) -> Result<(), SpoolError> {
        // The spool is opened once, and may be used for long.
        sweep(&self.folder).await?;
        let parked = Parked {
            tenant: caller.tenant.0,
            api_key: caller.api_key.0,
            name,
            look,
            bytes: spooled.bytes,
            sha256: spooled.sha256,
        };
        fs::hard_link(&spooled.path, self.parked_file(id)).await?;
        let text = serde_json::to_vec(&parked).map_err(io::Error::from)?;
        // Who finds the slip finds the file: it comes second, and whole.
        let fresh = self.folder.join(format!("{id}.parked.new"));
        fs::write(&fresh, text).await?;
        fs::rename(&fresh, self.slip(id)).await?;
        Ok(())
    }

    /// The caller's input that waits under this id; None: there is none, or it is not theirs.
    ///
    /// # Errors
    /// The disk.
    pub async fn parked(&self, id: Uuid, caller: &Caller) -> Result<Option<Parked>, SpoolError> {
        let slip = self.slip(id);
        let text = match fs::read(&slip).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        // What may be swept any moment is not there any more.
        if fs::metadata(&slip).await?.modified()?.elapsed().is_ok_and(|age| age > WAITS) {
            return Ok(None);
        }
        let parked: Parked = serde_json::from_slice(&text).map_err(io::Error::from)?;
        Ok(Some(parked).filter(|parked| parked.tenant == caller.tenant.0 && parked.api_key == caller.api_key.0))
    }

    /// The upload of an input that waits, as one of its own under a fresh id: the input goes on waiting, and may be planned from
    /// again. None: it was swept meanwhile.
    ///
    /// # Errors
    /// The disk.
    pub async fn take(&self, id: Uuid, parked: &Parked, fresh: Uuid) -> Result<Option<Spooled>, SpoolError> {
        let path = self.folder.join(format!("{fresh}.upload"));
        match fs::hard_link(self.parked_file(id), &path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            linked => {
                linked?;
                Ok(Some(Spooled { path, kept: false, bytes: parked.bytes, sha256: parked.sha256 }))
            }
        }
    }
}
