//! Rows as the tests of what is decided put them together.

use super::super::saga::{Attempt, Awaited, Line};
use super::*;

pub(super) const APPLY: Direction = Direction::Apply;
pub(super) const UNDO: Direction = Direction::Undo;
/// The line that the row opens, one that it closes, one that it takes.
pub(super) const LINE: i64 = 10;
pub(super) const OLD: i64 = 20;
pub(super) const TAKEN: i64 = 30;

/// So many seconds after the beginning. What is sent at 0 has settled at 100.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(super) fn key(direction: Direction, write: Write, item: i64) -> Key {
    let step = match (write, item) {
        (Write::PatchService, _) => Step::UpdateRevService,
        (_, OLD | 21 | 22) => Step::CloseRevService,
        _ => Step::OpenRevService,
    };
    Key::new(step, direction, write, item)
}

pub(super) const fn create() -> Key {
    Key::new(Step::OpenRevService, APPLY, Write::CreateService, 0)
}

pub(super) const fn product(place: i64) -> Key {
    Key::new(Step::OpenRevService, APPLY, Write::CreateServiceProduct, place)
}

pub(super) fn disconnect(direction: Direction, id: i64) -> Key {
    key(direction, Write::DisconnectServiceProduct, id)
}

pub(super) fn close(direction: Direction, id: i64) -> Key {
    key(direction, Write::CloseService, id)
}

pub(super) fn patch(direction: Direction) -> Key {
    key(direction, Write::PatchService, TAKEN)
}

pub(super) fn saga(steps: &[Step]) -> Saga {
    let old = Closing { line: OLD, customer: 2 };
    let taken = Closing { line: TAKEN, customer: 1 };
    Saga {
        steps: steps.to_vec(),
        closes: vec![old],
        customer: 1,
        products: 2,
        updates: Some((taken, "1555".to_owned(), "8914".to_owned())),
        ..Saga::default()
    }
}

pub(super) fn opening() -> Saga {
    saga(&[Step::OpenRevService])
}

pub(super) fn closing_and_opening() -> Saga {
    saga(&[Step::CloseRevService, Step::OpenRevService])
}

pub(super) fn updating() -> Saga {
    saga(&[Step::UpdateRevService])
}

impl Saga {
    /// One more attempt, sent at 0.
    pub(super) fn tried(mut self, key: Key, fate: Fate) -> Self {
        let number = self.next_attempt(key);
        self.attempts.push(Attempt {
            key,
            number,
            fate,
            was_unknown: matches!(fate, Fate::Unknown | Fate::NotApplied),
            began_at: at(0),
            settle_until: at(100),
            evidence: String::new(),
            awaited: Awaited::default(),
        });
        self
    }

    /// The line and so many of its products are done: 11, 12.
    pub(super) fn done(self, products: i64) -> Self {
        (1..=products).fold(self.tried(create(), Fate::Done(LINE)), |saga, place| {
            saga.tried(product(place), Fate::Done(LINE + place))
        })
    }

    pub(super) fn read(mut self, id: i64, customer: i64, products: &[i64]) -> Self {
        let line = Line { exists: true, customer, products: products.to_vec(), ..Line::default() };
        self.lines.insert(id, line);
        self
    }

    pub(super) fn read_taken(self, customer: i64, number: &str, iccid: &str) -> Self {
        self.billed(TAKEN, customer, number, iccid)
    }

    pub(super) fn billed(mut self, id: i64, customer: i64, number: &str, iccid: &str) -> Self {
        let (number, number2) = (Some(number.to_owned()), Some(iccid.to_owned()));
        self.lines.insert(id, Line { exists: true, customer, number, number2, ..Line::default() });
        self
    }

    /// The SIM has the number 1555 and the ICCID 8914.
    pub(super) fn of_sim(mut self) -> Self {
        self.sim = Some(("1555".to_owned(), "8914".to_owned()));
        self
    }

    pub(super) fn taking_back(mut self) -> Self {
        self.takes_back = true;
        self
    }

    pub(super) fn over(mut self, id: i64) -> Self {
        self.over.insert(id);
        self
    }

    pub(super) fn stale(mut self) -> Self {
        self.is_stale = true;
        self
    }

    pub(super) fn ended(mut self, id: i64) -> Self {
        self.lines.insert(id, Line { exists: true, customer: 2, closed: true, ..Line::default() });
        self
    }

    pub(super) fn gone(mut self, id: i64) -> Self {
        self.lines.insert(id, Line::default());
        self
    }

    pub(super) fn package(mut self) -> Self {
        (self.products, self.has_package) = (0, true);
        self
    }

    pub(super) fn given_up(mut self) -> Self {
        self.giving_up = true;
        self
    }

    /// Looked for since, and not there.
    pub(super) fn looked_for(mut self, key: Key) -> Self {
        self.looked.insert(key);
        self
    }

    pub(super) fn cancelled(mut self) -> Self {
        self.is_cancelled = true;
        self
    }

    pub(super) fn decided(mut self, resolution: Resolution) -> Self {
        self.resolution = Some(resolution);
        self
    }
}
