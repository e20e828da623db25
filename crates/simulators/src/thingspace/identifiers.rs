//! What a device is called (`thingspace.md` 4): nine kinds of identifier, their names in any case.

use serde::{Deserialize, Serialize};

/// A kind of identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is the identifier of that name")]
pub enum IdKind {
    Mdn,
    Imsi,
    Imei,
    Iccid,
    Msisdn,
    Min,
    Eid,
    Meid,
    Esn,
}

impl IdKind {
    const ALL: [Self; 9] =
        [Self::Mdn, Self::Imsi, Self::Imei, Self::Iccid, Self::Msisdn, Self::Min, Self::Eid, Self::Meid, Self::Esn];

    /// The kind of that name; requests write it in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.in_answers().eq_ignore_ascii_case(name.trim()))
    }

    /// Its name in answers: mixed case, as life has it.
    #[must_use]
    pub const fn in_answers(self) -> &'static str {
        match self {
            Self::Mdn => "mdn",
            Self::Imsi => "imsi",
            Self::Imei => "imei",
            Self::Iccid => "iccId",
            Self::Msisdn => "msisdn",
            Self::Min => "min",
            Self::Eid => "eid",
            Self::Meid => "meid",
            Self::Esn => "esn",
        }
    }

    /// Its name in callbacks that tell of a fault (`thingspace.md` 3.3); only `Iccid` and `Imei` were seen, the others are
    /// inferred.
    #[must_use]
    pub const fn in_faults(self) -> &'static str {
        match self {
            Self::Mdn => "Mdn",
            Self::Imsi => "Imsi",
            Self::Imei => "Imei",
            Self::Iccid => "Iccid",
            Self::Msisdn => "Msisdn",
            Self::Min => "Min",
            Self::Eid => "Eid",
            Self::Meid => "Meid",
            Self::Esn => "Esn",
        }
    }

    /// Whether a value can be one.
    #[must_use]
    pub fn admits(self, value: &str) -> bool {
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let length = value.len();
        match self {
            Self::Iccid => digits && (1..=20).contains(&length),
            Self::Imei => digits && (15..=16).contains(&length),
            Self::Mdn | Self::Min => digits && length == 10,
            Self::Msisdn => digits && (10..=15).contains(&length),
            Self::Esn => digits && length == 11,
            Self::Imsi => digits && (14..=15).contains(&length),
            Self::Eid => digits && length == 32,
            Self::Meid => length == 14 && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        }
    }
}

/// One identifier on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WireId {
    pub(crate) id: String,
    pub(crate) kind: String,
}
