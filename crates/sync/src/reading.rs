//! Reading one resource of an account: page by page, each kept before the next is asked for.

use crate::missing::close;
use crate::pace::{Held, Pace};
use crate::records::Mirrored;
use crate::{SyncError, SyncSettings};
use database::Ledger;
use database::rev_io::{Reading, Resource, Told, claim, keep_page, release};
use integrations::Answer;
use integrations::answer::Postponed;
use integrations::billing::rev_io::{Page, RevIo};
use std::time::Duration;

/// What reading needs.
pub(crate) struct Reader<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) client: &'a RevIo,
    pub(crate) settings: &'a SyncSettings,
    pub(crate) pace: Pace<'a>,
}

impl Reader<'_> {
    /// Reads one resource to its end. Answers whether the reading was whole, or why what was missing was kept.
    pub(crate) async fn read<T: Mirrored>(
        &mut self,
        tenant: domain::ids::TenantId,
        account: domain::ids::IntegrationAuthenticationId,
    ) -> Result<Option<String>, SyncError> {
        let lease = self.settings.lease.as_secs_f64();
        let taken = claim(self.ledger, tenant, account, T::KEPT_AS, lease).await?;
        let mut reading = taken.ok_or(SyncError::Taken(T::KEPT_AS.word()))?;
        if reading.resumed {
            tracing::info!(resource = T::KEPT_AS.word(), page = reading.next_page, "a reading goes on");
        }
        let ended = self.read_on::<T>(&mut reading).await;
        if ended.is_err() {
            // Whoever comes next need not wait until the lease ends. If this fails, too, it will end.
            drop(release(self.ledger, &reading).await);
        }
        ended
    }

    async fn read_on<T: Mirrored>(&mut self, reading: &mut Reading) -> Result<Option<String>, SyncError> {
        loop {
            let page: Page<T> = self.page(Held::Resource(reading), reading.next_page.unsigned_abs(), &[]).await?;
            let has_more = page.has_more;
            keep_page(self.ledger, reading, &told(&page), self.settings.lease.as_secs_f64()).await?;
            self.pace.link(Held::Resource(reading)).await?;
            if !has_more {
                return close::<T>(self, reading).await;
            }
        }
    }

    /// One page of a list, of what these filters leave.
    pub(crate) async fn page<T: Mirrored>(
        &mut self,
        held: Held<'_>,
        page: u32,
        filters: &[(&str, &str)],
    ) -> Result<Page<T>, SyncError> {
        // In the order of ids: what is new comes at the end, and moves nothing that is still to be read.
        let search: Vec<(&str, &str)> = filters.iter().copied().chain([("sort", T::RESOURCE.id_field)]).collect();
        let mut failed = 0;
        loop {
            let permit = self.pace.permit(held).await?;
            let answer = self.client.page::<T>(permit, page, self.settings.page_size, &search).await.answer;
            if let Some(page) = self.weigh(held, T::KEPT_AS, answer, &mut failed).await? {
                return Ok(page);
            }
        }
    }

    /// One object by its id; none if it is not there.
    pub(crate) async fn object<T: Mirrored>(
        &mut self,
        held: impl Into<Held<'_>>,
        id: i64,
    ) -> Result<Option<T>, SyncError> {
        let (held, mut failed) = (held.into(), 0);
        loop {
            let permit = self.pace.permit(held).await?;
            let answer = self.client.get::<T>(permit, id).await.answer;
            if let Some(found) = self.weigh(held, T::KEPT_AS, answer, &mut failed).await? {
                return Ok(found);
            }
        }
    }

    /// What an answer comes to. None: ask again; what had to be waited for was waited for.
    async fn weigh<R>(
        &mut self,
        held: Held<'_>,
        kept_as: Resource,
        answer: Answer<R>,
        failed: &mut u32,
    ) -> Result<Option<R>, SyncError> {
        let resource = kept_as.word();
        let (after, why) = match answer {
            Answer::Done(done) => return Ok(Some(done)),
            Answer::Refused(refusal) => return Err(SyncError::Refused { resource, message: refusal.message }),
            Answer::CredentialsRefused { status, .. } => {
                let because = format!("Rev.io refused the credentials ({status})");
                self.pace.pause(&because).await?;
                return Err(SyncError::Credentials(status));
            }
            // Asked for by Rev.io: no failure, however often.
            Answer::TryLater { after, why: Postponed::Throttled | Postponed::QuotaSpent } => {
                self.pace.blocked(held, after).await?;
                return Ok(None);
            }
            Answer::TryLater { after, why } => (after, format!("{why:?}")),
            Answer::Unknown { why } => (Duration::from_secs(1), format!("{why:?}")),
        };
        *failed += 1;
        if *failed >= self.settings.tries {
            return Err(SyncError::GivenUp { resource, tries: *failed, why });
        }
        tracing::warn!(resource, why, failed = *failed, "an answer could not be had");
        let backing_off = Duration::from_millis(100).saturating_mul(1 << (*failed).min(10));
        self.pace.wait(held, after.max(backing_off).min(self.settings.longest_wait)).await?;
        Ok(None)
    }
}

/// A page as the ledger keeps it.
pub(crate) fn told<T: Mirrored>(page: &Page<T>) -> Told {
    let unreadable = page.unreadable.iter().filter_map(|unreadable| unreadable.id);
    for unreadable in &page.unreadable {
        tracing::warn!(
            resource = T::KEPT_AS.word(),
            id = unreadable.id,
            why = unreadable.why,
            "an object could not be read"
        );
    }
    Told {
        ids: page.records.iter().map(T::id).chain(unreadable).collect(),
        records: page.records.iter().map(T::row).collect(),
        unreadable: i32::try_from(page.unreadable.len()).unwrap_or(i32::MAX),
    }
}
