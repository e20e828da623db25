//! Every operation, and what has to be known of it before it is used at a carrier (`reliability.md` 4.3). The document
//! `docs/carriers.md` is written from this.

use crate::answer::Kind;
use crate::carriers::{Answers, Capabilities, CarrierKind};

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $title:literal;)*) => {
        /// What a carrier can be asked. Each is one HTTP request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// One word for it, in the ledger and in logs.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Its name in a sentence.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

operations! {
    /// Another bearer token.
    GetBearer = "get_bearer", "getting a bearer token";
    /// Another session token.
    LogIn = "log_in", "logging in";
    /// Are the credentials good, and is the account there?
    Check = "check", "checking credentials";
    /// A device, by its ICCID.
    ReadDevice = "read_device", "reading a device";
    /// A page of the list of devices.
    ListDevices = "list_devices", "listing devices";
    /// A page of what has become of a device.
    ReadHistory = "read_history", "reading a device's history";
    /// The carrier rate plans of the account.
    ReadPlans = "read_plans", "reading carrier rate plans";
    /// The account's pools of addresses.
    ReadPools = "read_pools", "reading pools of addresses";
    /// Where the carrier calls back.
    ReadCallbacks = "read_callbacks", "reading callbacks";
    /// Calls back here from now on.
    RegisterCallback = "register_callback", "registering a callback";
    /// Calls back here no more.
    DeregisterCallback = "deregister_callback", "deregistering a callback";
    /// Another carrier rate plan.
    ChangeCarrierRatePlan = "change_carrier_rate_plan", "changing carrier rate plans";
    /// Service for a device.
    Activate = "activate", "activate";
    /// No service any more.
    Deactivate = "deactivate", "deactivate";
    /// Service interrupted.
    Suspend = "suspend", "suspend";
    /// Service again.
    Restore = "restore", "restore";
    /// A static address for an active device.
    ProvisionIp = "provision_ip", "static addresses for active devices";
}

/// What has to be known of an operation at a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationContract {
    /// The operation.
    pub operation: Operation,
    /// How it is asked.
    pub request: &'static str,
    /// Whether it changes anything.
    pub kind: Kind,
    /// What doing it twice does.
    pub repeated: &'static str,
    /// How to find out afterwards whether it has happened.
    pub read_back: &'static str,
    /// By what the thing is found again.
    pub natural_key: &'static str,
    /// How to take it back.
    pub undo: &'static str,
    /// How much of it the carrier takes.
    pub cap: &'static str,
    /// Where it is described.
    pub source: &'static str,
}

/// The whole of `docs/carriers.md`.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(
        "# Carriers\n\nWhat each carrier can be asked, and what has to be known before asking. Written from \
         `crates/integrations/src/carriers`; a test holds it.\n\nEvery operation is one HTTP request and is never sent twice \
         from there. What a carrier does not list is refused as `CARRIER_NOT_SUPPORTED` before anything is sent.\n",
    );
    for kind in CarrierKind::ALL {
        let described = kind.described();
        text.push_str(&format!("\n## {}\n\n", kind.name()));
        text.push_str(&of_capabilities(&described.capabilities));
        text.push_str("\n| Operation | Request | Done twice | Read back | Natural key | Undo | Cap |\n|---|---|---|---|---|---|---|\n");
        for row in described.contract {
            let cells = [row.request, row.repeated, row.read_back, row.natural_key, row.undo, row.cap];
            text.push_str(&format!("| `{}` | {} |\n", row.operation.word(), cells.join(" | ")));
        }
        let missing = Operation::ALL.iter().filter(|operation| described.capabilities.admits(**operation).is_err());
        let missing: Vec<&str> = missing.map(|operation| operation.name()).collect();
        if !missing.is_empty() {
            text.push_str(&format!("\nNot supported: {}.\n", missing.join(", ")));
        }
        text.push_str("\nWhat is inferred of it, and can be set:\n\n| Setting | What is believed | Why it is open |\n|---|---|---|\n");
        for (setting, believed, open) in described.inferred {
            text.push_str(&format!("| `{setting}` | {believed} | {open} |\n"));
        }
    }
    text
}

fn of_capabilities(can: &Capabilities) -> String {
    let answers = match can.answers {
        Answers::Later => "with a request id; what becomes of each device shows by reading it",
        Answers::AtOnce => "for each device, at once",
    };
    let limit = |limit: Option<u32>| limit.map_or_else(|| "no limit known".to_owned(), |limit| limit.to_string());
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let minutes = |time: std::time::Duration| match time.as_secs() / 60 {
        minutes if minutes >= 120 => format!("{} hours", minutes / 60),
        minutes => format!("{minutes} minutes"),
    };
    let rows = [
        ("A write is answered", answers.to_owned()),
        ("A device is known by", can.natural_key.name().to_owned()),
        ("Devices in a request", can.devices_per_request.to_string()),
        ("Devices on a page", can.devices_per_page.to_string()),
        ("Communication plans", yes(can.communication_plans)),
        ("Static addresses of a pool", yes(can.static_ips.of_a_pool)),
        ("Static addresses that are asked for", yes(can.static_ips.asked_for)),
        ("An activation wants the IMEI", yes(can.activation_wants_imei)),
        ("Plan changes of a device in a month", limit(can.plan_changes_per_month)),
        ("Plan changes while suspended", yes(can.plan_changes_while_suspended)),
        ("Activations, suspensions and the like of a device in a day", limit(can.provisioning_per_day)),
        ("Activation requests in a minute", limit(can.activations_per_minute)),
        ("What nobody knows of has settled after", minutes(can.settles_within)),
        ("What was accepted is done within", minutes(can.done_within)),
        ("Calls back", yes(can.calls_back)),
    ];
    let rows: String = rows.iter().map(|(what, value)| format!("| {what} | {value} |\n")).collect();
    format!("| What | Value |\n|---|---|\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_word_is_another() {
        let words: BTreeSet<&str> = Operation::ALL.iter().map(|operation| operation.word()).collect();
        assert_eq!(words.len(), Operation::ALL.len());
    }

    #[test]
    fn a_carrier_lists_exactly_what_it_has_a_contract_for() {
        for kind in CarrierKind::ALL {
            let described = kind.described();
            let listed: Vec<Operation> = described.contract.iter().map(|row| row.operation).collect();
            assert_eq!(listed, described.capabilities.operations, "{kind:?}");
            for row in described.contract {
                let whole = [row.request, row.repeated, row.cap, row.source];
                assert!(whole.iter().all(|cell| !cell.is_empty() && !cell.contains('|')), "{row:?}");
                let says_how = row.read_back.len() > 10 && row.undo.len() > 3 && row.natural_key.len() > 3;
                assert!(row.kind == Kind::Read || says_how, "{row:?}");
            }
        }
    }
}
