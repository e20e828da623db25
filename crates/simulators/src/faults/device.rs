//! Faults of the parts of asynchronous requests: what becomes of a device, and of the callback that tells of it.

use super::Faults;
use super::fault::Fault;
use super::rule::{Rule, Seconds, holds, path_matches};
use crate::thingspace::WireId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is wrong with a forged callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// Its credentials are not the listener's.
    Credentials,
    /// Its request was never made.
    Request,
    /// It says the contrary of what is true.
    Status,
}

/// What a rule has decided.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DeviceFault {
    Refused { code: String, message: String },
    Delayed(Seconds),
    Early,
    Lost { attempts: Option<usize> },
    Late(Seconds),
    Doubled(Seconds),
    Forged { forgery: Forgery, instead: bool },
}

impl DeviceFault {
    fn of(fault: &Fault) -> Option<Self> {
        match fault {
            Fault::DeviceRefused { code, message } => {
                Some(Self::Refused { code: code.clone(), message: message.clone() })
            }
            Fault::DeviceDelayed { seconds } => Some(Self::Delayed(*seconds)),
            Fault::CallbackEarly {} => Some(Self::Early),
            Fault::CallbackLost { attempts } => Some(Self::Lost { attempts: *attempts }),
            Fault::CallbackLate { seconds } => Some(Self::Late(*seconds)),
            Fault::CallbackDoubled { seconds } => Some(Self::Doubled(*seconds)),
            Fault::CallbackForged { forgery, instead } => Some(Self::Forged { forgery: *forgery, instead: *instead }),
            _ => None,
        }
    }

    /// Its name, as in a rule.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "device_refused",
            Self::Delayed(_) => "device_delayed",
            Self::Early => "callback_early",
            Self::Lost { .. } => "callback_lost",
            Self::Late(_) => "callback_late",
            Self::Doubled(_) => "callback_doubled",
            Self::Forged { .. } => "callback_forged",
        }
    }
}

impl Fault {
    /// Whether it is about a device's part of a request and not about a call.
    #[must_use]
    pub const fn is_about_devices(&self) -> bool {
        self.is_refusal() || self.is_delay() || self.is_early() || self.is_about_telling()
    }

    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::DeviceRefused { .. })
    }

    pub(crate) const fn is_delay(&self) -> bool {
        matches!(self, Self::DeviceDelayed { .. })
    }

    pub(crate) const fn is_early(&self) -> bool {
        matches!(self, Self::CallbackEarly {})
    }

    pub(crate) const fn is_about_telling(&self) -> bool {
        matches!(
            self,
            Self::CallbackLost { .. }
                | Self::CallbackLate { .. }
                | Self::CallbackDoubled { .. }
                | Self::CallbackForged { .. }
        )
    }
}

/// A callback as rules see it. Before the device's part is done it has no status.
pub(crate) struct Told<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) ids: &'a [WireId],
    pub(crate) status: &'static str,
}

impl Told<'_> {
    fn json(&self) -> Value {
        json!({ "requestId": self.request_id, "deviceIds": self.ids, "status": self.status })
    }
}

impl Rule {
    fn matches_device(&self, (account, method, path): (&str, &str, &str), told: &Told<'_>) -> bool {
        let device = |wanted: &String| told.ids.iter().any(|id| id.id == *wanted);
        let body = || {
            let body = told.json();
            self.body.iter().all(|(name, wanted)| holds(&body, name, wanted))
        };
        self.provider == crate::thingspace::NAME
            && self.account.as_ref().is_none_or(|wanted| wanted == account)
            && self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|pattern| path_matches(pattern, path))
            && self.device.as_ref().is_none_or(device)
            && (self.body.is_empty() || body())
    }
}

impl Faults {
    /// Shows a device's part to the rules of the sort that is asked about. The chance is given the rule's number, so that it
    /// can be the part's own, whatever was drawn before.
    pub(crate) fn device_verdict(
        &mut self,
        request: (&str, &str, &str),
        told: &Told<'_>,
        of: fn(&Fault) -> bool,
        chance: impl Fn(u64) -> f64,
    ) -> Option<(u64, DeviceFault)> {
        let standing = self.standing.iter_mut().filter(|standing| of(&standing.rule.fault));
        for standing in standing {
            if !standing.rule.matches_device(request, told) {
                continue;
            }
            standing.matched += 1;
            let id = standing.id;
            if standing.rule.when.fires(standing.matched, standing.fired, &mut || chance(id)) {
                standing.fired += 1;
                return DeviceFault::of(&standing.rule.fault).map(|fault| (id, fault));
            }
        }
        None
    }
}
