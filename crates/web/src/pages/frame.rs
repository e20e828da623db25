//! What is around every page: title, navigation, who one is and where, and how one likes it.

use super::assets::{ASSETS, Assets};
use super::visitor::{Member, Visitor};
use crate::App;
use crate::problem::Problem;
use domain::rights::Act;

/// A place in the navigation.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    /// The key after `g` that leads there.
    pub(crate) key: &'static str,
    pub(crate) here: bool,
}

/// Who is signed in, as the frame says it.
#[derive(Debug)]
pub(crate) struct Who {
    pub(crate) tenant: String,
    pub(crate) name: String,
    pub(crate) role: &'static str,
    /// In how many tenants they have a role.
    pub(crate) tenants: i64,
}

/// The frame of a page.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) form_token: String,
    pub(crate) theme: &'static str,
    pub(crate) shortcuts: bool,
    pub(crate) path: String,
    pub(crate) who: Option<Who>,
    pub(crate) places: Vec<Place>,
    /// Places for whoever sets things up and looks after them.
    pub(crate) settings: Vec<Place>,
    pub(crate) assets: &'static Assets,
}

/// Every place that is built, and what one must be allowed to go there.
const PLACES: [(&str, &str, &str, Act); 5] = [
    ("/", "Home", "h", Act::AskWhoIAm),
    ("/devices", "Devices", "d", Act::LookAtDevices),
    ("/bulk-changes", "Bulk changes", "b", Act::LookAtDevices),
    ("/customers", "Customers", "c", Act::LookAtCustomers),
    ("/customer-rate-plans", "Rate plans", "r", Act::LookAtDevices),
];

/// The same of what is set up rarely.
const SETTINGS: [(&str, &str, &str, Act); 5] = [
    ("/service-providers", "Accounts", "v", Act::LookAtDevices),
    ("/api-keys", "API keys", "k", Act::Administer),
    ("/people", "People", "p", Act::Administer),
    ("/audit", "Audit", "a", Act::Administer),
    ("/system", "System", "y", Act::Administer),
];

impl Frame {
    /// Around a page for anybody.
    pub(crate) fn open(visitor: &Visitor, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            form_token: visitor.form_token.clone(),
            theme: visitor.theme,
            shortcuts: visitor.shortcuts,
            path: visitor.path.clone(),
            who: None,
            places: Vec::new(),
            settings: Vec::new(),
            assets: &ASSETS,
        }
    }

    /// Around a page for somebody who is signed in; `here` is the place it belongs to. Also their tenant's time zone.
    pub(crate) async fn of(app: &App, member: &Member, title: &str, here: &str) -> Result<(Self, String), Problem> {
        let signed_in = &member.signed_in;
        let (tenant, person) = (signed_in.caller.tenant, signed_in.session.key.person);
        let greeting = database::person::list::greeting(&app.ledger, tenant, person).await?;
        let places = |all: &[(&'static str, &'static str, &'static str, Act)]| {
            let may = all.iter().filter(|(.., act)| signed_in.rights.may(*act));
            may.map(|(path, name, key, _)| Place { path, name, key, here: *path == here }).collect()
        };
        let frame = Self {
            who: Some(Who {
                tenant: greeting.tenant,
                name: greeting.name,
                role: super::wording::role(signed_in.rights.role),
                tenants: signed_in.session.tenants,
            }),
            places: places(&PLACES),
            settings: places(&SETTINGS),
            ..Self::open(&member.visitor, title)
        };
        Ok((frame, greeting.time_zone))
    }
}
