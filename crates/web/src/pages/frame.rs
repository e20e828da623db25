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
    pub(crate) assets: &'static Assets,
}

/// Every place that is built, and what one must be allowed to go there.
const PLACES: [(&str, &str, &str, Act); 4] = [
    ("/", "Home", "h", Act::AskWhoIAm),
    ("/devices", "Devices", "d", Act::LookAtDevices),
    ("/bulk-changes", "Bulk changes", "b", Act::LookAtDevices),
    ("/people", "People", "p", Act::Administer),
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
            assets: &ASSETS,
        }
    }

    /// Around a page for somebody who is signed in; `here` is the place it belongs to. Also their tenant's time zone.
    pub(crate) async fn of(app: &App, member: &Member, title: &str, here: &str) -> Result<(Self, String), Problem> {
        let signed_in = &member.signed_in;
        let (tenant, person) = (signed_in.caller.tenant, signed_in.session.key.person);
        let greeting = database::person::list::greeting(&app.ledger, tenant, person).await?;
        let places = PLACES.into_iter().filter(|(.., act)| signed_in.rights.may(*act));
        let frame = Self {
            who: Some(Who {
                tenant: greeting.tenant,
                name: greeting.name,
                role: super::wording::role(signed_in.rights.role),
                tenants: signed_in.session.tenants,
            }),
            places: places.map(|(path, name, key, _)| Place { path, name, key, here: path == here }).collect(),
            ..Self::open(&member.visitor, title)
        };
        Ok((frame, greeting.time_zone))
    }
}
