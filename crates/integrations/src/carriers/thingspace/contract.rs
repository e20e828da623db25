//! Every operation of this client, with what has to be known before using it (`reliability.md` 4.3).

use crate::answer::Kind;
use crate::carriers::{Operation, OperationContract};

/// The most devices in a request (`thingspace.md` 2.4).
pub const MOST_DEVICES_PER_REQUEST: usize = 10_000;
/// The most devices on a page of the list (`thingspace.md` 2.1).
pub const MOST_DEVICES_PER_PAGE: usize = 2_000;
/// The most changes of one device's plan in a month (`thingspace.md` 2.4).
pub const PLAN_CHANGES_PER_MONTH: u32 = 4;
/// The most activations, suspensions, restorations and deactivations of one device in a day (`thingspace.md` 2.4).
pub const PROVISIONING_PER_DAY: u32 = 5;
/// The most activation requests in a minute (`thingspace.md` 2.2).
pub const ACTIVATIONS_PER_MINUTE: u32 = 100;
/// The service that calls back of everything that is written to devices here (`thingspace.md` 3.1).
pub const CALLBACK_SERVICE: &str = "CarrierService";
/// The one reason for a deactivation that is taken (`thingspace.md` 2).
pub(super) const REASON_CODE: &str = "FF";

const NOTHING: &str = "-";
const NO_MORE: &str = "nothing more";
const BY_ICCID: &str = "the device by its ICCID, equal to the last digit";
const PER_REQUEST: &str = "10,000 devices in a request; about 5 such changes of a device in a day";
const UNKNOWN: &str = "not known";

const fn read(
    operation: Operation,
    request: &'static str,
    cap: &'static str,
    source: &'static str,
) -> OperationContract {
    OperationContract {
        operation,
        request,
        kind: Kind::Read,
        repeated: NO_MORE,
        read_back: NOTHING,
        natural_key: NOTHING,
        undo: NOTHING,
        cap,
        source,
    }
}

/// Every operation, once.
pub(super) const CONTRACT: &[OperationContract] = &[
    OperationContract {
        repeated: "the same token within an hour",
        ..read(Operation::GetBearer, "`POST /ts/v1/oauth2/token`", "one in an hour", "thingspace.md 1")
    },
    OperationContract {
        repeated: "another session; whether it ends the one before is not known",
        ..read(
            Operation::LogIn,
            "`POST /m2m/v1/session/login`",
            "5 that fail in a row lock the user out; 20 minutes without use end a session",
            "thingspace.md 1",
        )
    },
    read(Operation::Check, "`GET /m2m/v1/accounts/{account}`", UNKNOWN, "thingspace.md 2"),
    read(
        Operation::ReadDevice,
        "`POST /m2m/v1/devices/actions/list` with `deviceId`",
        "one device in a request",
        "thingspace.md 2.1",
    ),
    read(
        Operation::ListDevices,
        "`POST /m2m/v1/devices/actions/list` with `accountName`",
        "2,000 devices on a page",
        "thingspace.md 2.1",
    ),
    read(
        Operation::ReadHistory,
        "`POST /m2m/v1/devices/history/actions/list`",
        "500 events on a page",
        "thingspace.md 2.3",
    ),
    read(Operation::ReadPlans, "`GET /m2m/v1/plans/{account}`", UNKNOWN, "thingspace.md 2"),
    read(Operation::ReadPools, "`GET /m2m/v1/accounts/{account}`", UNKNOWN, "thingspace.md 2.2"),
    read(Operation::ReadCallbacks, "`GET /m2m/v1/callbacks/{account}`", UNKNOWN, "thingspace.md 3.1"),
    OperationContract {
        operation: Operation::RegisterCallback,
        request: "`POST /m2m/v1/callbacks/{account}`",
        kind: Kind::Write,
        repeated: "not known; deregister first",
        read_back: "the account's callbacks, all of them equal to the letter",
        natural_key: "account and service",
        undo: "`deregister_callback`",
        cap: "one for each service of an account; some ports only",
        source: "thingspace.md 3.1",
    },
    OperationContract {
        operation: Operation::DeregisterCallback,
        request: "`DELETE /m2m/v1/callbacks/{account}/name/{service}`",
        kind: Kind::Write,
        repeated: "a refusal, or nothing more",
        read_back: "the account's callbacks",
        natural_key: "account and service",
        undo: "`register_callback`",
        cap: UNKNOWN,
        source: "thingspace.md 3.1",
    },
    OperationContract {
        operation: Operation::ChangeCarrierRatePlan,
        request: "`PUT /m2m/v1/devices/actions/plan`",
        kind: Kind::Write,
        repeated: "the same plan, and one more of the changes of the month",
        read_back: "the device's plan, by re-listing it",
        natural_key: BY_ICCID,
        undo: "the plan before, while the device still has ours; it counts as a change, too",
        cap: "4 changes of a device in a month, none while it is suspended; 10,000 devices in a request",
        source: "thingspace.md 2, 2.4",
    },
    OperationContract {
        operation: Operation::Activate,
        request: "`POST /m2m/v1/devices/actions/activate`",
        kind: Kind::Write,
        repeated: "a refusal for each device that is active by then",
        read_back: "the device's state, plan and number, by re-listing it",
        natural_key: BY_ICCID,
        undo: "`deactivate`; its number stays with it for 50 days",
        cap: "100 requests in a minute, 10,000 devices in a request",
        source: "thingspace.md 2.2, 2.4",
    },
    OperationContract {
        operation: Operation::Deactivate,
        request: "`POST /m2m/v1/devices/actions/deactivate`",
        kind: Kind::Write,
        repeated: "a refusal",
        read_back: "the device's state, by re-listing it",
        natural_key: BY_ICCID,
        undo: "`activate`; the number may be another one",
        cap: PER_REQUEST,
        source: "thingspace.md 2, 4",
    },
    OperationContract {
        operation: Operation::Suspend,
        request: "`POST /m2m/v1/devices/actions/suspend`",
        kind: Kind::Write,
        repeated: "a refusal",
        read_back: "the device's state, by re-listing it",
        natural_key: BY_ICCID,
        undo: "`restore`",
        cap: "10,000 devices in a request; 90 days running, 180 in a year",
        source: "thingspace.md 2, 2.4",
    },
    OperationContract {
        operation: Operation::Restore,
        request: "`POST /m2m/v1/devices/actions/restore`",
        kind: Kind::Write,
        repeated: "a refusal",
        read_back: "the device's state, by re-listing it",
        natural_key: BY_ICCID,
        undo: "`suspend`",
        cap: PER_REQUEST,
        source: "thingspace.md 2, 4",
    },
    OperationContract {
        operation: Operation::ProvisionIp,
        request: "`PUT /m2m/v1/devices/actions/plan` with `carrierIpPoolName` (inferred)",
        kind: Kind::Write,
        repeated: "perhaps another address, and one more of the changes of the month",
        read_back: "the device's address, by re-listing it; of which pool it is cannot be read",
        natural_key: BY_ICCID,
        undo: "none; which pool the address before was of cannot be read",
        cap: "as a change of plan",
        source: "thingspace.md 2.2",
    },
];

/// Whether it changes anything. An operation without a contract would be taken for a write.
pub(super) fn kind_of(operation: Operation) -> Kind {
    CONTRACT.iter().find(|row| row.operation == operation).map_or(Kind::Write, |row| row.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: [&str; 4] =
        [include_str!("signing.rs"), include_str!("listing.rs"), include_str!("history.rs"), include_str!("setup.rs")];

    /// Each public function makes one call, of the operation that is named as it is.
    #[test]
    fn the_table_and_the_calls_are_the_same() {
        let mut made = Vec::new();
        for source in SOURCES {
            let source = source.split("mod tests").next().unwrap();
            let calls = source.split("Operation::").skip(1);
            made.extend(calls.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric()).collect::<String>()));
        }
        made.sort();
        // One device or several are read by the same call.
        made.dedup();
        let is_sent = |operation: &Operation| {
            use Operation::{Activate, ChangeCarrierRatePlan, Deactivate, ProvisionIp, Restore, Suspend};
            let sent = [ChangeCarrierRatePlan, Activate, Deactivate, Suspend, Restore, ProvisionIp];
            sent.contains(operation)
        };
        let listed = CONTRACT.iter().map(|row| row.operation).filter(|operation| !is_sent(operation));
        let mut listed: Vec<String> = listed.map(|operation| format!("{operation:?}")).collect();
        listed.sort();
        assert_eq!(listed, made);
    }

    #[test]
    fn only_what_changes_something_is_a_write() {
        for row in CONTRACT {
            let reads = row.read_back == NOTHING;
            assert_eq!(reads, row.kind == Kind::Read, "{:?}", row.operation);
            assert_eq!(kind_of(row.operation), row.kind);
        }
    }
}
