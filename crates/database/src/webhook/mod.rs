//! Webhooks, their secrets, and the outbox of what they are told.

mod delivery;
mod list;
mod write;

pub use delivery::{Claim, Due, Next, claim, due, end_attempt, forget_old};
pub use list::{Attempt, Delivery, Webhook, deliveries, webhooks};
pub use write::{Archived, NewWebhook, Tested, WebhookEdit, WebhookRefusal, archive, create, edit, test};

/// Which of a webhook's credentials signs.
const SECRET_FIELD: &str = "signing_secret";
