//! The plain model: what every assignment, row and schedule must be, one after the other, with no database and no cleverness.

use std::collections::BTreeMap;
use uuid::Uuid;

/// Who acts: the owner of the shared devices, another tenant, the owner's agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Actor {
    Owner,
    Other,
    Agent,
}

/// What waits for its date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) change: Uuid,
    pub(crate) date: String,
    pub(crate) plan: Option<String>,
    pub(crate) allocation: Option<u32>,
}

/// What an assignment is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    /// None: nobody's.
    pub(crate) customer: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) allocation: Option<u32>,
    pub(crate) waiting: Option<Waiting>,
}

/// An assignment, and how often it has moved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assignment {
    pub(crate) image: Image,
    pub(crate) moves: u32,
}

impl Assignment {
    fn become_(&mut self, image: Image) {
        if self.image != image {
            self.image = image;
            self.moves += 1;
        }
    }
}

/// What a row is to make of its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) customer: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) allocation: Option<u32>,
    /// A date that is still to come.
    pub(crate) date: Option<String>,
    /// Exactly this, also nothing.
    pub(crate) restores: bool,
}

/// A row of a plan or change.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) device: usize,
    pub(crate) status: &'static str,
    pub(crate) reason: Option<&'static str>,
    pub(crate) target: Target,
    pub(crate) before: Image,
    moves: u32,
    device_moves: u32,
    /// How often the assignment had moved when this row last wrote it.
    left: Option<u32>,
    pub(crate) schedule: Option<&'static str>,
}

/// A plan, and the change it becomes.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) actor: Actor,
    pub(crate) replace: bool,
    pub(crate) rows: BTreeMap<i32, Row>,
    pub(crate) applied: bool,
    pub(crate) paused: bool,
    pub(crate) cancelled: bool,
    pub(crate) schedule_cancelled: bool,
    pub(crate) undo_of: Option<Uuid>,
}

impl Change {
    pub(crate) fn to_do(&self) -> usize {
        self.rows.values().filter(|row| row.status == "PENDING").count()
    }

    pub(crate) fn finished(&self) -> bool {
        self.applied && self.to_do() == 0
    }

    pub(crate) fn count(&self, status: &str) -> usize {
        self.rows.values().filter(|row| row.status == status).count()
    }
}

/// Everything there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) assignments: BTreeMap<(Actor, usize), Assignment>,
    /// Devices: is it active, and how often that has changed.
    pub(crate) devices: Vec<(bool, u32)>,
    pub(crate) changes: BTreeMap<Uuid, Change>,
}

impl World {
    /// What a plan must say of one device.
    pub(crate) fn judge(&self, actor: Actor, device: usize, target: &Target, replace: bool) -> Row {
        let assignment = &self.assignments[&(actor, device)];
        let now = &assignment.image;
        let same_customer = now.customer == target.customer;
        let asks = target.plan.is_some() || target.allocation.is_some();
        let today = (target.plan.is_none() || target.plan == now.plan)
            && (target.allocation.is_none() || target.allocation == now.allocation);
        let as_asked = match (&now.waiting, &target.date) {
            _ if !asks => true,
            (None, _) => today,
            (Some(_), None) => false,
            (Some(w), Some(date)) => w.date == *date && w.plan == target.plan && w.allocation == target.allocation,
        };
        let (status, reason) = if !self.devices[device].0 {
            ("REFUSED", Some("DEVICE_NOT_ACTIVE"))
        } else if same_customer && as_asked {
            ("NO_CHANGE", Some("ALREADY_ASSIGNED_SAME"))
        } else if !same_customer && now.customer.is_some() && !replace {
            ("REFUSED", Some("ALREADY_ASSIGNED_OTHER"))
        } else {
            ("PENDING", None)
        };
        self.row(actor, device, target.clone(), status, reason)
    }

    /// What the undo of one row must say.
    pub(crate) fn judge_undo(&self, actor: Actor, done: &Row) -> Row {
        let now = &self.assignments[&(actor, done.device)];
        let was = &done.before;
        let same =
            (&now.image.customer, &now.image.plan, now.image.allocation) == (&was.customer, &was.plan, was.allocation);
        let (status, reason) = if same && now.image.waiting.is_none() {
            ("NO_CHANGE", Some("ALREADY_ASSIGNED_SAME"))
        } else if done.left != Some(now.moves) {
            ("REFUSED", Some("CHANGED_SINCE"))
        } else {
            ("PENDING", None)
        };
        let target = Target {
            customer: was.customer.clone(),
            plan: was.plan.clone(),
            allocation: was.allocation,
            date: None,
            restores: true,
        };
        self.row(actor, done.device, target, status, reason)
    }

    fn row(
        &self,
        actor: Actor,
        device: usize,
        target: Target,
        status: &'static str,
        reason: Option<&'static str>,
    ) -> Row {
        let assignment = &self.assignments[&(actor, device)];
        Row {
            device,
            status,
            reason,
            target,
            before: assignment.image.clone(),
            moves: assignment.moves,
            device_moves: self.devices[device].1,
            left: None,
            schedule: None,
        }
    }

    /// A worker settles these rows.
    pub(crate) fn settle(&mut self, id: Uuid, first: i32, last: i32) {
        let Some(mut change) = self.changes.remove(&id) else { return };
        for row in change.rows.range_mut(first..=last).map(|(_, row)| row).filter(|row| row.status == "PENDING") {
            if change.cancelled {
                (row.status, row.reason) = ("CANCELLED", Some("CANCELLED_BY_USER"));
                continue;
            }
            let assignment = self.assignments.entry((change.actor, row.device)).or_default();
            if assignment.moves != row.moves || self.devices[row.device].1 != row.device_moves {
                (row.status, row.reason) = ("SKIPPED", Some("STALE_SINCE_PLAN"));
                continue;
            }
            let mut image = assignment.image.clone();
            if let Some(waiting) = image.waiting.take() {
                let undone = change.undo_of == Some(waiting.change);
                let status = if undone { "CANCELLED" } else { "SUPERSEDED" };
                let other = if waiting.change == id { None } else { self.changes.get_mut(&waiting.change) };
                if let Some(other) = other {
                    let theirs =
                        other.rows.values_mut().find(|r| r.device == row.device && r.schedule == Some("PENDING"));
                    theirs.unwrap().schedule = Some(status);
                }
            }
            let target = &row.target;
            image.customer.clone_from(&target.customer);
            if target.restores {
                image.plan.clone_from(&target.plan);
                image.allocation = target.allocation;
            } else if let Some(date) =
                target.date.clone().filter(|_| target.plan.is_some() || target.allocation.is_some())
            {
                let (plan, allocation) = (target.plan.clone(), target.allocation);
                image.waiting = Some(Waiting { change: id, date, plan, allocation });
                row.schedule = Some("PENDING");
            } else {
                image.plan = target.plan.clone().or(image.plan);
                image.allocation = target.allocation.or(image.allocation);
            }
            assignment.become_(image);
            row.left = Some(assignment.moves);
            row.status = "PROCESSED";
        }
        self.changes.insert(id, change);
    }

    /// A worker applies what waited for this date in these rows.
    pub(crate) fn come_due(&mut self, id: Uuid, date: &str, first: i32, last: i32) {
        let Some(change) = self.changes.get_mut(&id) else { return };
        for row in change.rows.range_mut(first..=last).map(|(_, row)| row) {
            if row.schedule != Some("PENDING") || row.target.date.as_deref() != Some(date) {
                continue;
            }
            let assignment = self.assignments.entry((change.actor, row.device)).or_default();
            let mut image = assignment.image.clone();
            let waiting = image.waiting.take().unwrap();
            if change.schedule_cancelled {
                row.schedule = Some("CANCELLED");
            } else {
                image.plan = waiting.plan.or(image.plan);
                image.allocation = waiting.allocation.or(image.allocation);
                row.schedule = Some("APPLIED");
            }
            assignment.become_(image);
            row.left = Some(assignment.moves);
        }
    }

    /// Changes with something that waits for its date.
    pub(crate) fn waiting(&self) -> Vec<Uuid> {
        let waits = |change: &Change| change.rows.values().any(|row| row.schedule == Some("PENDING"));
        self.changes.iter().filter(|(_, change)| waits(change)).map(|(id, _)| *id).collect()
    }
}
