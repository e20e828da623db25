//! Which rows go into one request, and which are read in one.

use super::super::decide::Look;
use super::super::desk::{Todo, Working};
use super::super::saga::Key;
use super::super::send::Unsendable;
use super::{before, change, device_of};
use integrations::carriers::{Capabilities, Change, DeviceRef};
use sha2::{Digest as _, Sha256};

/// SIMs in one request, at most: more would be lost together, and a callback comes for each (`reliability.md` 4.5).
const MOST: usize = 500;

/// One call.
#[derive(Clone, Debug)]
pub(super) enum Call {
    /// The same change for each.
    Send(Change, Vec<(usize, Key, DeviceRef)>),
    /// All of them in one list; one by itself is asked for by its key.
    Read(Vec<(usize, Look, DeviceRef)>),
}

/// Rows whose request cannot be made from what they say: never sent.
pub(super) type NotSendable = Vec<(usize, Key, Unsendable)>;

/// The calls that these come to, reads first: what they show may make a send unnecessary.
pub(super) fn calls(desk: &[Working], todos: Vec<(usize, Todo)>, can: &Capabilities) -> (Vec<Call>, NotSendable) {
    let (mut sends, mut refused): (Vec<(usize, Change, Vec<_>)>, NotSendable) = (Vec::new(), Vec::new());
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    for (at, todo) in todos {
        let Some(working) = desk.get(at) else { continue };
        match todo {
            Todo::Look(look) => {
                let read = (at, look, device_of(&working.row));
                if working.is_read_alone { alone.push(Call::Read(vec![read])) } else { together.push(read) }
            }
            Todo::Send(key) => match change(&working.row, key, &before(to_go_by(working, key).as_ref())) {
                Ok((change, device)) => {
                    let most = working.most_together;
                    match sends.iter_mut().find(|(others, other, _)| *others == most && *other == change) {
                        Some((_, _, rows)) => rows.push((at, key, device)),
                        None => sends.push((most, change, vec![(at, key, device)])),
                    }
                }
                Err(why) => refused.push((at, key, why)),
            },
            _ => {}
        }
    }
    let per_page = can.devices_per_page.clamp(1, MOST);
    let per_request = can.devices_per_request.clamp(1, MOST);
    let mut calls: Vec<Call> = together.chunks(per_page).map(|rows| Call::Read(rows.to_vec())).collect();
    calls.append(&mut alone);
    for (most, change, rows) in sends {
        calls.extend(rows.chunks(most.clamp(1, per_request)).map(|rows| Call::Send(change.clone(), rows.to_vec())));
    }
    (calls, refused)
}

/// How the SIM is, or what it is to be put back to.
fn to_go_by(working: &Working, key: Key) -> Option<serde_json::Value> {
    match before_of(key) == key {
        true => working.before_sending(key),
        false => working.before(before_of(key)),
    }
}

/// Of which write the image of before is the one to go by: an undo puts back what was before the doing.
pub(super) const fn before_of(key: Key) -> Key {
    use super::super::saga::{Direction, Write};
    match (key.direction, key.write) {
        (Direction::Undo, Write::ChangeCarrierRatePlan) => Key { direction: Direction::Apply, ..key },
        _ => key,
    }
}

/// SHA-256 of what is asked for a SIM.
pub(super) fn hash(change: &Change, device: &DeviceRef) -> [u8; 32] {
    Sha256::digest(format!("{change:?} {device:?}").as_bytes()).into()
}
