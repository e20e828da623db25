//! A profile: one application's key and one user, with the accounts and devices they see.

use super::account::Account;
use super::callbacks::Callbacks;
use super::codes::{self, Code};
use super::device::Record;
use super::devices::Devices;
use super::inferred::Inferred;
use super::lot::Lot;
use super::request::{Requests, Work};
use super::session::Sessions;
use super::settings::Settings;
use super::token::Token;
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;

/// A profile. A test may change it at will: it is the hand of somebody who works at the carrier.
pub struct Profile {
    /// The user. The ledger and the rules know the profile by it.
    pub username: String,
    /// The user's password, which a reset changes.
    pub password: String,
    /// The application's key.
    pub key: String,
    /// The application's secret.
    pub secret: String,
    /// Limits and delays.
    pub settings: Settings,
    /// What is a guess.
    pub inferred: Inferred,
    /// The accounts that the user may see.
    pub accounts: Vec<Account>,
    /// Their devices.
    pub devices: Devices,
    /// What was asked for asynchronously.
    pub requests: Requests,
    /// What was told, or is to be.
    pub callbacks: Callbacks,
    pub(super) token: Token,
    pub(super) sessions: Sessions,
    pub(super) activations: VecDeque<Timestamp>,
    pub(super) last_number: u32,
    pub(super) lot: Lot,
}

impl Profile {
    pub(crate) fn new(
        (key, secret, username, password): (String, String, String, String),
        settings: Settings,
        inferred: Inferred,
        accounts: Vec<Account>,
        lot: Lot,
    ) -> Self {
        Self {
            username,
            password,
            key,
            secret,
            settings,
            inferred,
            accounts,
            devices: Devices::default(),
            requests: Requests::default(),
            callbacks: Callbacks::default(),
            token: Token::default(),
            sessions: Sessions::default(),
            activations: VecDeque::new(),
            last_number: 0,
            lot,
        }
    }

    /// Takes a device that is already in some state: its address is taken, and its suspension ends in time.
    pub(crate) fn take(&mut self, record: Record, now: Timestamp) {
        let (pool, address) = (record.ip_pool.clone(), record.ip_address);
        if let Some(account) = self.account_mut(&record.account) {
            account.mark_address(pool.as_deref(), address);
        }
        let suspended_at = record.suspended_at;
        let device = self.devices.add(record, now);
        if let Some(suspended_at) = suspended_at {
            self.resume_later(device, suspended_at);
        }
    }

    /// A line is active again after so many days of suspension.
    pub(super) fn resume_later(&mut self, device: i64, suspended_at: Timestamp) {
        let days = i32::try_from(self.settings.suspended_days_running).unwrap_or(i32::MAX);
        let running = SignedDuration::from_hours(24).checked_mul(days);
        if let Some(until) = running.and_then(|running| suspended_at.checked_add(running).ok()) {
            self.requests.schedule(until, Work::Resume { device, suspended_at });
        }
    }

    /// Whether too many wrong logins have locked the user.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.sessions.wrong_logins >= self.settings.wrong_logins
    }

    /// What support does for a locked user.
    pub fn unlock(&mut self) {
        self.sessions.wrong_logins = 0;
    }

    /// Ends all sessions, as if they had been idle for too long.
    pub fn end_sessions(&mut self) {
        self.sessions.end_all();
    }

    /// Ends the OAuth token's hour.
    pub fn expire_token(&mut self) {
        self.token.expire();
    }

    /// The account of that name.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }

    /// The account of that name, to change.
    pub fn account_mut(&mut self, name: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.name == name)
    }

    /// An account by a name that somebody sent.
    pub(super) fn named_account(&self, name: &str, others: &[String]) -> Result<&Account, Code> {
        if !is_account_name(name) {
            return Err(codes::ACCOUNT_NOT_DEFINED);
        }
        self.account(name).ok_or_else(|| {
            if others.iter().any(|other| other == name) { codes::ACCOUNT_OF_OTHERS } else { codes::ACCOUNT_NOT_FOUND }
        })
    }

    /// The account that a call is about if it names none.
    pub(super) fn only_account(&self) -> Result<&Account, Code> {
        match self.accounts.as_slice() {
            [account] => Ok(account),
            [] => Err(codes::NO_ACCOUNTS),
            _ => Err(codes::MULTIPLE_ACCOUNTS),
        }
    }

    /// A number nobody has: an area by the zip code, and seven digits in order.
    pub(super) fn next_mdn(&mut self, zip: &str) -> String {
        let zip: u32 = zip.chars().filter_map(|sign| sign.to_digit(10)).take(5).fold(0, |sum, digit| sum * 10 + digit);
        loop {
            self.last_number += 1;
            let mdn = format!("{}{:07}", 205 + zip % 785, 2_000_000 + self.last_number % 8_000_000);
            if self.devices.number(super::identifiers::IdKind::Mdn, &mdn).is_none() {
                return mdn;
            }
        }
    }
}

/// Ten digits, a hyphen, five digits (`thingspace.md` 4).
fn is_account_name(name: &str) -> bool {
    let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    name.split_once('-').is_some_and(|(left, right)| digits(left, 10) && digits(right, 5))
}
