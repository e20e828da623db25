//! What is read of a carrier besides a device, and which way of reading many devices is the cheaper.

use crate::carriers::{Cursor, Standing};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

/// Which devices, and from where on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Only those that have this plan.
    pub plan: Option<String>,
    /// Only those in this state.
    pub standing: Option<Standing>,
    /// Only those whose ICCID begins so.
    pub iccid_prefix: Option<String>,
    /// From the beginning if none.
    pub after: Option<Cursor>,
    /// At most so many; none takes as many as the settings say.
    pub most: Option<usize>,
}

/// How to read many devices back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Each by its ICCID: so many requests.
    OneByOne(usize),
    /// The list, and each is looked up in it: so many requests.
    ByPages(usize),
}

impl Reading {
    /// The cheaper way to read `wanted` devices back, by requests. `listed` is how many a [`Listing`] that has all of them
    /// would show (those on the target plan and on the old one, or all of the account), if that is known.
    #[must_use]
    pub const fn cheapest(wanted: usize, listed: Option<usize>, per_page: usize) -> Self {
        let Some(listed) = listed else { return Self::OneByOne(wanted) };
        // An empty list is a request, too.
        let pages = if listed == 0 || per_page == 0 { 1 } else { listed.div_ceil(per_page) };
        // A device that is read by itself is fresher than one that may be many pages away.
        if per_page > 0 && pages < wanted { Self::ByPages(pages) } else { Self::OneByOne(wanted) }
    }
}

/// A carrier rate plan of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What requests name it by.
    pub code: String,
    /// What people name it by.
    pub name: Option<String>,
    /// Its data in KB, if the carrier says so.
    pub size_kb: Option<i64>,
}

/// A pool of addresses of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpPool {
    /// What requests name it by.
    pub name: String,
    /// Whether its addresses are static. A kind that is not known is not.
    pub is_static: bool,
    /// Whether it is taken if none is named.
    pub is_default: bool,
}

/// Something that has become of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEvent {
    /// When.
    pub at: Timestamp,
    /// The carrier's own word for it.
    pub event: String,
    /// Whether it came about.
    pub succeeded: bool,
    /// Whether it is an activation.
    pub is_activation: bool,
    /// The plan that the device had.
    pub plan: Option<String>,
    /// Its number.
    pub msisdn: Option<String>,
}

/// A page of a device's history, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// What could be read.
    pub events: Vec<HistoryEvent>,
    /// How many records could not.
    pub unreadable: usize,
    /// Where it goes on, from that instant, which may come again; none if it is at its end.
    pub next: Option<Timestamp>,
}

impl HistoryPage {
    /// When the device was last activated, by this page.
    #[must_use]
    pub fn activated_at(&self) -> Option<Timestamp> {
        self.events.iter().filter(|event| event.is_activation && event.succeeded).map(|event| event.at).max()
    }
}

/// Where a carrier calls back. The address has our token in it.
#[derive(Clone, Debug)]
pub struct RegisteredCallback {
    /// Which of the carrier's services calls.
    pub service: String,
    /// Where to.
    pub url: SecretString,
    /// What it says in each body; none if none was registered.
    pub username: Option<SecretString>,
    /// Also in each body.
    pub password: Option<SecretString>,
}

/// Where a carrier is to call back.
#[derive(Clone, Debug)]
pub struct NewCallback {
    /// Which of the carrier's services is to call.
    pub service: String,
    /// Where to, with our token in it.
    pub url: SecretString,
    /// What it is to say in each body: not the account's own.
    pub username: SecretString,
    /// Also in each body.
    pub password: SecretString,
}

impl RegisteredCallback {
    /// Whether it is what was registered, to the letter.
    #[must_use]
    pub fn is(&self, new: &NewCallback) -> bool {
        let same = |kept: Option<&SecretString>, new: &SecretString| {
            kept.map_or("", |kept| kept.expose_secret()) == new.expose_secret()
        };
        self.service == new.service
            && self.url.expose_secret() == new.url.expose_secret()
            && same(self.username.as_ref(), &new.username)
            && same(self.password.as_ref(), &new.password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_requests_are_cheaper() {
        for (wanted, listed, expected) in [
            (1, Some(2_000_000), Reading::OneByOne(1)),
            (1_000, None, Reading::OneByOne(1_000)),
            (1_000, Some(1_000), Reading::ByPages(1)),
            (1_000, Some(0), Reading::ByPages(1)),
            (1_000, Some(100_000), Reading::ByPages(50)),
            (50, Some(100_000), Reading::OneByOne(50)),
            (51, Some(100_000), Reading::ByPages(50)),
            (0, Some(10), Reading::OneByOne(0)),
        ] {
            assert_eq!(Reading::cheapest(wanted, listed, 2_000), expected, "{wanted} of {listed:?}");
        }
        assert_eq!(Reading::cheapest(9, Some(9), 0), Reading::OneByOne(9));
    }

    #[test]
    fn only_an_activation_that_came_about_dates_one() {
        let event = |second: i64, is_activation, succeeded| HistoryEvent {
            at: Timestamp::from_second(second).unwrap(),
            event: "x".to_owned(),
            succeeded,
            is_activation,
            plan: None,
            msisdn: None,
        };
        let page = HistoryPage {
            events: vec![event(1, true, true), event(2, true, true), event(3, true, false), event(4, false, true)],
            unreadable: 0,
            next: None,
        };
        assert_eq!(page.activated_at(), Timestamp::from_second(2).ok());
    }
}
