//! The end of a reading: what it did not meet is asked for one by one, if it is not too much to be believed.

use crate::SyncError;
use crate::reading::Reader;
use crate::records::Mirrored;
use database::rev_io::{Reading, Told, end_reading, keep_records, mark_gone, missing};

/// So many are looked up before what was learned is kept.
const AT_A_TIME: i64 = 200;

/// Ends the reading. None: it was whole; else why what was missing was kept.
pub(crate) async fn close<T: Mirrored>(
    reader: &mut Reader<'_>,
    reading: &Reading,
) -> Result<Option<String>, SyncError> {
    let first = missing(reader.ledger, reading, 1).await?;
    let settings = reader.settings;
    let cap = settings.missing_at_least.max(first.known * settings.missing_percent / 100);
    if first.missing > cap && !settings.accept_missing {
        let why = format!(
            "{} of {} were missing, more than {cap}: nothing was taken for gone. Look at the account; then `ascribe sync --accept-missing`",
            first.missing, first.known
        );
        tracing::error!(resource = T::KEPT_AS.word(), why, "the reading was not whole");
        end_reading(reader.ledger, reading, Some(&why)).await?;
        return Ok(Some(why));
    }
    let mut last = i64::MIN;
    loop {
        let block = missing(reader.ledger, reading, AT_A_TIME).await?;
        // Each is asked for once.
        let ids: Vec<i64> = block.ids.into_iter().filter(|id| *id > last).collect();
        let Some(highest) = ids.last().copied() else { break };
        last = highest;
        look_up::<T>(reader, reading, &ids).await?;
    }
    reader.pace.link(reading.into()).await?;
    end_reading(reader.ledger, reading, None).await?;
    Ok(None)
}

async fn look_up<T: Mirrored>(reader: &mut Reader<'_>, reading: &Reading, ids: &[i64]) -> Result<(), SyncError> {
    let (mut found, mut gone) = (Told::default(), Vec::new());
    for id in ids {
        match reader.object::<T>(reading, *id).await {
            Ok(Some(object)) => {
                found.ids.push(*id);
                found.records.push(T::row(&object));
            }
            Ok(None) => gone.push(*id),
            // Neither there nor gone: it stays as it is here, and the reading does not count as whole.
            Err(SyncError::Refused { message: why, .. } | SyncError::GivenUp { why, .. }) => {
                tracing::warn!(
                    resource = T::KEPT_AS.word(),
                    id,
                    why,
                    "an object that is missing could not be asked for"
                );
                found.ids.push(*id);
                found.unreadable += 1;
            }
            Err(error) => return Err(error),
        }
    }
    if !found.ids.is_empty() {
        keep_records(reader.ledger, reading, &found).await?;
    }
    if !gone.is_empty() {
        mark_gone(reader.ledger, reading, &gone).await?;
    }
    Ok(())
}
