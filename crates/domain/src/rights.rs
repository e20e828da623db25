//! Who may do what: roles, module rights, change types per role and integration, and the sites that somebody is confined to.
//! Everything that is not granted is denied. The table of roles is the original's (reference: domain 4.1).

use crate::ids::SiteId;
use crate::states::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

words! {
    /// What somebody is, in one tenant.
    Role {
        /// Runs the whole installation.
        SuperAdmin = "super_admin",
        /// Runs a partner.
        PartnerAdmin = "partner_admin",
        /// Runs an agent partner.
        AgentPartnerAdmin = "agent_partner_admin",
        /// Works for an agent.
        Agent = "agent",
        /// Looks.
        User = "user",
        /// Is told, and looks at nothing.
        NotificationOnly = "notification_only",
    }
}

words! {
    /// A part of the system that a tenant has, or has not.
    Module {
        /// SIMs known by their ICCID: ThingSpace, Control Center.
        M2m = "m2m",
        /// SIMs known by their subscriber number: Telegence.
        Mobility = "mobility",
        /// Customers and their accounts.
        RevCustomers = "rev_customers",
    }
}

impl Role {
    /// Does it run a tenant?
    #[must_use]
    pub const fn administers(self) -> bool {
        matches!(self, Self::SuperAdmin | Self::PartnerAdmin | Self::AgentPartnerAdmin)
    }

    /// May somebody of this role make a key of that one? Of their own, and of those below: nobody makes themselves more.
    #[must_use]
    pub fn may_give(self, other: Self) -> bool {
        let rank = |role| Self::ALL.iter().position(|known| *known == role);
        self.administers() && rank(other) >= rank(self)
    }

    /// The one of both that may do less: what is made by somebody does no more than they do.
    #[must_use]
    pub fn lower_of(self, other: Self) -> Self {
        let rank = |role| Self::ALL.iter().position(|known| *known == role);
        if rank(other) > rank(self) { other } else { self }
    }
}

impl Module {
    /// The module that SIMs of this integration belong to.
    #[must_use]
    pub fn of_integration(code: &str) -> Self {
        if code == "telegence" { Self::Mobility } else { Self::M2m }
    }
}

/// What somebody may do in a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleRight {
    /// In which one.
    pub module: Module,
    /// Look.
    pub access: bool,
    /// Plan and apply.
    pub create: bool,
    /// Change what is there: stop, resume, close.
    pub edit: bool,
}

/// What a request wants to do. Every route of the API has one; a route that has none is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Look at devices, service providers, plans and changes.
    LookAtDevices,
    /// Look at customers.
    LookAtCustomers,
    /// Plan, retry, undo: nothing is changed by it.
    Plan,
    /// Apply a plan.
    Apply,
    /// Pause, resume, cancel.
    Control,
    /// Close rows that need attention.
    Resolve,
    /// Ask who one is: everybody who has a key may.
    AskWhoIAm,
    /// Make, edit, import customers and sites.
    EditCustomers,
    /// Make, edit, import customer rate plans and pools.
    EditOffers,
    /// Import devices, archive them.
    EditDevices,
    /// Look at the audit trail, API keys, groups of sites, webhooks and agents; make, edit and end them; give devices to agents;
    /// make, edit, import service providers.
    Administer,
}

/// The sites that somebody is confined to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// None: the whole tenant.
    Everything,
    /// These; possibly none of them.
    Sites(BTreeSet<SiteId>),
}

impl Scope {
    /// What is within both.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        match (self, other) {
            (Self::Everything, scope) | (scope, Self::Everything) => scope,
            (Self::Sites(one), Self::Sites(other)) => Self::Sites(one.intersection(&other).copied().collect()),
        }
    }

    /// Is this site within it?
    #[must_use]
    pub fn has(&self, site: SiteId) -> bool {
        match self {
            Self::Everything => true,
            Self::Sites(sites) => sites.contains(&site),
        }
    }
}

/// What somebody may do, put together: the role's rights in the modules that the tenant has, and the scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// The role.
    pub role: Role,
    /// Rights in modules; one that is not here is denied.
    pub modules: Vec<ModuleRight>,
    /// Integrations at which the role may assign customers, by code.
    pub assigns_at: Vec<String>,
    /// Where.
    pub scope: Scope,
}

impl Rights {
    /// May this be done at all? What concerns single rows is the verdict's.
    #[must_use]
    pub fn may(&self, act: Act) -> bool {
        let in_any = |allowed: fn(&ModuleRight) -> bool| {
            self.modules.iter().any(|right| right.module != Module::RevCustomers && allowed(right))
        };
        match act {
            Act::LookAtDevices => in_any(|right| right.access),
            Act::LookAtCustomers => {
                self.modules.iter().any(|right| right.module == Module::RevCustomers && right.access)
            }
            Act::Plan | Act::Apply => in_any(|right| right.access && right.create) && !self.assigns_at.is_empty(),
            Act::AskWhoIAm => true,
            // An edit holds for the whole tenant: who is confined to a part of it makes none.
            Act::EditCustomers => {
                self.scope == Scope::Everything
                    && self.modules.iter().any(|r| r.module == Module::RevCustomers && r.access && r.edit)
            }
            Act::EditOffers | Act::EditDevices => {
                self.scope == Scope::Everything && in_any(|right| right.access && right.edit)
            }
            Act::Administer => self.scope == Scope::Everything && self.role.administers(),
            Act::Control | Act::Resolve => in_any(|right| right.access && right.edit) && !self.assigns_at.is_empty(),
        }
    }

    /// May anything of this module be looked at?
    #[must_use]
    pub fn sees(&self, module: Module) -> bool {
        self.modules.iter().any(|right| right.module == module && right.access)
    }

    /// May anything of this module be edited?
    #[must_use]
    pub fn edits(&self, module: Module) -> bool {
        self.modules.iter().any(|right| right.module == module && right.access && right.edit)
    }

    /// May what is done to SIMs of this integration be paused, resumed, cancelled, closed?
    #[must_use]
    pub fn may_control_at(&self, integration: &str) -> bool {
        let module = Module::of_integration(integration);
        self.assigns_at.iter().any(|code| code == integration)
            && self.modules.iter().any(|right| right.module == module && right.access && right.edit)
    }

    /// May customers be assigned to SIMs of this integration?
    #[must_use]
    pub fn may_assign_at(&self, integration: &str) -> bool {
        let module = Module::of_integration(integration);
        self.assigns_at.iter().any(|code| code == integration)
            && self.modules.iter().any(|right| right.module == module && right.access && right.create)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn rights(modules: Vec<ModuleRight>, assigns_at: &[&str]) -> Rights {
        let assigns_at = assigns_at.iter().map(|code| (*code).to_owned()).collect();
        Rights { role: Role::User, modules, assigns_at, scope: Scope::Everything }
    }

    fn right(module: Module, access: bool, create: bool, edit: bool) -> ModuleRight {
        ModuleRight { module, access, create, edit }
    }

    const ACTS: [Act; 6] =
        [Act::LookAtDevices, Act::LookAtCustomers, Act::Plan, Act::Apply, Act::Control, Act::Resolve];

    #[test]
    fn what_is_not_granted_is_denied() {
        let nothing = rights(Vec::new(), &["thingspace"]);
        assert!(ACTS.iter().all(|act| !nothing.may(*act)) && !nothing.may_assign_at("thingspace"));
        let no_types = rights(vec![right(Module::M2m, true, true, true)], &[]);
        assert!(no_types.may(Act::LookAtDevices) && !no_types.may(Act::Plan) && !no_types.may(Act::Control));
        let customers = rights(vec![right(Module::RevCustomers, true, true, true)], &["thingspace"]);
        assert!(customers.may(Act::LookAtCustomers) && !customers.may(Act::LookAtDevices) && !customers.may(Act::Plan));
    }

    #[test]
    fn each_integration_asks_for_its_own_module() {
        let mobility = rights(vec![right(Module::Mobility, true, true, false)], &["telegence", "thingspace"]);
        assert!(mobility.may_assign_at("telegence") && !mobility.may_assign_at("thingspace"));
        assert!(mobility.may(Act::Apply) && !mobility.may(Act::Control));
    }

    #[test]
    fn what_somebody_makes_does_no_more_than_they_do() {
        for (one, other, lower) in [
            (Role::PartnerAdmin, Role::User, Role::User),
            (Role::User, Role::PartnerAdmin, Role::User),
            (Role::SuperAdmin, Role::SuperAdmin, Role::SuperAdmin),
            (Role::NotificationOnly, Role::Agent, Role::NotificationOnly),
        ] {
            assert_eq!(one.lower_of(other), lower, "{one:?} {other:?}");
        }
        let sites = |ids: &[u128]| Scope::Sites(ids.iter().map(|id| SiteId(Uuid::from_u128(*id))).collect());
        assert_eq!(sites(&[1, 2]).within(sites(&[2, 3])), sites(&[2]));
        assert_eq!(Scope::Everything.within(sites(&[2])), sites(&[2]));
        assert_eq!(sites(&[]).within(Scope::Everything), sites(&[]));
        assert_eq!(Scope::Everything.within(Scope::Everything), Scope::Everything);
    }

    #[test]
    fn a_scope_without_sites_has_none() {
        let site = SiteId(Uuid::from_u128(1));
        assert!(Scope::Everything.has(site) && !Scope::Sites(BTreeSet::new()).has(site));
        assert!(Scope::Sites(BTreeSet::from([site])).has(site));
    }
}
