//! What the ledger knows of carriers: the accounts behind service providers, what calls are signed in with, and how far their lists
//! of devices were read.

mod account;
mod callback;
mod inventory;
mod reading;
mod sign_in;

pub use account::{
    CARRIER_CREDENTIAL_FIELDS, CarrierAccount, CarrierAccountEdit, Kept, NONE_YET, SigningIn, accounts,
    accounts_to_read, block, credentials, get, keep, keep_secrets, pause, signed_with, take_permits,
};
pub use callback::{
    CallbackWords, GateDigests, NewCallback, Registering, begin_registering, callback_gate, discard_callbacks,
    end_registering, hear, note_callback_address,
};
pub use inventory::{ReadDevice, archive, keep_page, meet, missing, read_one};
pub use reading::{FleetReading, Progress, claim, end, extend, progress, release};
pub use sign_in::{keep_token, tokens};
