//! The account itself: whether it is there, its plans and pools, and where it calls back (`thingspace.md` 2, 3.1).

use super::ThingSpace;
use super::proof;
use super::send::{Asked, Body, Keep, Signed};
use super::wire::filled;
use super::wire::request::Register;
use super::wire::setup::{Account, Listener, ServicePlan};
use crate::Permit;
use crate::answer::Outcome;
use crate::carriers::{IpPool, NewCallback, Operation, Plan, RegisteredCallback, SignIn};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};

/// The longest name or password of a listener (3.1).
const MOST_CREDENTIAL: usize = 40;

impl ThingSpace {
    /// Are the credentials good, and is the account there?
    pub async fn check(&self, permit: Permit, sign_in: &SignIn) -> Outcome<()> {
        let asked = self.read(Operation::Check, "accounts", Keep::Bodies);
        let prove = |_: u16, text: &str| self.our_account(text).map(drop);
        self.call(permit, Signed::InFull(sign_in), asked, prove).await
    }

    /// The account's pools of addresses.
    pub async fn pools(&self, permit: Permit, sign_in: &SignIn) -> Outcome<Vec<IpPool>> {
        let asked = self.read(Operation::ReadPools, "accounts", Keep::Bodies);
        let prove = |_: u16, text: &str| self.our_account(text).map(pools);
        self.call(permit, Signed::InFull(sign_in), asked, prove).await
    }

    /// The account's carrier rate plans. Those without a code cannot be named in a request, and are left out.
    pub async fn plans(&self, permit: Permit, sign_in: &SignIn) -> Outcome<Vec<Plan>> {
        let asked = self.read(Operation::ReadPlans, "plans", Keep::Length);
        let prove = |_: u16, text: &str| proof::array(text).map(plans);
        self.call(permit, Signed::InFull(sign_in), asked, prove).await
    }

    /// Where it calls back. An answer without a body says that there is nothing.
    pub async fn callbacks(&self, permit: Permit, sign_in: &SignIn) -> Outcome<Vec<RegisteredCallback>> {
        let asked = self.read(Operation::ReadCallbacks, "callbacks", Keep::Neither);
        let prove = |_: u16, text: &str| match text.trim() {
            "" => Ok(Vec::new()),
            text => proof::array(text).map(registered),
        };
        self.call(permit, Signed::InFull(sign_in), asked, prove).await
    }

    /// Registers a listener: one for each service of the account. Only some ports are taken (3.1), and HTTPS with a public
    /// certificate.
    pub async fn register_callback(&self, permit: Permit, sign_in: &SignIn, new: &NewCallback) -> Outcome<()> {
        let body = Register {
            name: &new.service,
            url: new.url.expose_secret(),
            username: new.username.expose_secret(),
            password: new.password.expose_secret(),
        };
        let asked = Asked {
            operation: Operation::RegisterCallback,
            method: Method::POST,
            path: format!("/m2m/v1/callbacks/{}", self.account_name),
            body: serde_json::to_string(&body).ok().map(Body::Json),
            keep: Keep::Neither,
            secrets: secrets_of(new),
        };
        if let Some(excess) = self.excess_of(new) {
            return self.refuse(permit, &asked, None, excess);
        }
        let prove = |_: u16, text: &str| of_service(text, &new.service);
        self.call(permit, Signed::InFull(sign_in), asked, prove).await
    }

    /// Takes the listener of a service away.
    pub async fn deregister_callback(&self, permit: Permit, sign_in: &SignIn, service: &str) -> Outcome<()> {
        let asked = Asked {
            operation: Operation::DeregisterCallback,
            method: Method::DELETE,
            path: format!("/m2m/v1/callbacks/{}/name/{service}", self.account_name),
            body: None,
            keep: Keep::Neither,
            secrets: Vec::new(),
        };
        if !is_service(service) {
            return self.refuse(permit, &asked, None, NO_SERVICE);
        }
        let prove = |_: u16, text: &str| of_service(text, service);
        self.call(permit, Signed::InFull(sign_in), asked, prove).await
    }

    fn read(&self, operation: Operation, what: &str, keep: Keep) -> Asked {
        let path = format!("/m2m/v1/{what}/{}", self.account_name);
        Asked { operation, method: Method::GET, path, body: None, keep, secrets: Vec::new() }
    }

    fn our_account(&self, text: &str) -> Result<Account, String> {
        let account: Account = proof::object(text)?;
        let is_ours = account.account_name.as_deref().is_some_and(|name| name.trim() == self.account_name);
        if is_ours { Ok(account) } else { Err("the answer's accountName is not the one that was asked for".to_owned()) }
    }

    fn excess_of(&self, new: &NewCallback) -> Option<&'static str> {
        let is_long = |word: &SecretString| word.expose_secret().chars().count() > MOST_CREDENTIAL;
        let is_ours = |word: &SecretString, ours: &SecretString| word.expose_secret() == ours.expose_secret();
        if !is_service(&new.service) {
            Some(NO_SERVICE)
        } else if new.password.expose_secret().is_empty() {
            // Without one nothing that comes would be let in.
            Some("the listener has no password")
        } else if is_long(&new.username) || is_long(&new.password) {
            Some("the listener's name or password is longer than 40 characters")
        } else if is_ours(&new.password, &self.credentials.password) {
            Some("the listener's password must not be the account's own")
        } else if ![&new.url, &new.username, &new.password].iter().all(|w| super::listing::is_legal(w.expose_secret()))
        {
            Some("the platform does not take the characters ' < and \\")
        } else {
            None
        }
    }
}

/// The address has our token in it: as its last part, which may be said back by itself.
fn secrets_of(new: &NewCallback) -> Vec<SecretString> {
    let url = new.url.expose_secret();
    let token = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    vec![new.url.clone(), SecretString::from(token), new.username.clone(), new.password.clone()]
}

const NO_SERVICE: &str = "the service is none that calls back";

fn is_service(service: &str) -> bool {
    !service.is_empty() && service.len() <= 64 && service.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn pools(account: Account) -> Vec<IpPool> {
    let pools = account.pools.unwrap_or_default().into_iter();
    pools
        .filter_map(|pool| {
            let is_static = pool.pool_type.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("static ip"));
            Some(IpPool {
                name: filled(pool.pool_name)?,
                is_static,
                is_default: pool.is_default_pool.unwrap_or_default(),
            })
        })
        .collect()
}

fn plans(plans: Vec<ServicePlan>) -> Vec<Plan> {
    let named = plans.into_iter().filter_map(|plan| {
        let size_kb = plan.size_kb.and_then(|size| size.as_i64().or_else(|| size.as_str()?.trim().parse().ok()));
        Some(Plan { code: filled(plan.code)?, name: filled(plan.name), size_kb })
    });
    named.collect()
}

fn registered(listeners: Vec<Listener>) -> Vec<RegisteredCallback> {
    let secret = |text: Option<String>| filled(text).map(SecretString::from);
    let named = listeners.into_iter().filter_map(|listener| {
        Some(RegisteredCallback {
            service: filled(listener.service_name)?,
            url: SecretString::from(listener.url.unwrap_or_default()),
            username: secret(listener.username),
            password: secret(listener.password),
        })
    });
    named.collect()
}

/// The answer names the service that it is about.
fn of_service(text: &str, service: &str) -> Result<(), String> {
    let listener: Listener = proof::object(text)?;
    let is_it = listener.service_name.is_some_and(|name| name.trim().eq_ignore_ascii_case(service));
    if is_it { Ok(()) } else { Err("the answer's serviceName is not the one that was asked for".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pools_go_by_both_of_their_names() {
        for key in ["iPPools", "ipPools"] {
            let text = format!(
                r#"{{"accountName":"0000123456-00001","isProvisioningAllowed":true,"carriers":["Verizon Wireless"],"{key}":[
                {{"poolName":"static-1","poolType":"Static IP","isDefaultPool":false}},
                {{"poolName":"dynamic-1","poolType":"Dynamic IP","isDefaultPool":true}},
                {{"poolName":""}},{{}}],"servicePlans":[]}}"#
            );
            let read = pools(proof::object(&text).unwrap());
            let pool = |name: &str, is_static, is_default| IpPool { name: name.to_owned(), is_static, is_default };
            assert_eq!(read, [pool("static-1", true, false), pool("dynamic-1", false, true)]);
        }
    }

    #[test]
    fn plans_are_named_by_their_code() {
        let text = r#"[{"name":"5 MB","code":"84777","sizeKb":5120,"carrierServicePlanCode":"84777"},
            {"name":"10 MB","code":"84888","sizeKb":"10240"},{"name":"nameless"},{"code":"X","sizeKb":null}]"#;
        let read = plans(proof::array(text).unwrap());
        let codes: Vec<_> = read.iter().map(|plan| (plan.code.as_str(), plan.size_kb)).collect();
        assert_eq!(codes, [("84777", Some(5120)), ("84888", Some(10240)), ("X", None)]);
        assert!(proof::array::<ServicePlan>(r#"[["a","b",1]]"#).is_err());
    }

    #[test]
    fn a_listener_is_the_one_that_was_registered_only_to_the_letter() {
        let text = r#"[{"accountName":"a","serviceName":"CarrierService","url":"https://x/canary","username":"u","password":"p"},
            {"serviceName":"DeviceService","url":"https://y","username":""}, {"url":"https://z"}]"#;
        let read = registered(proof::array(text).unwrap());
        assert_eq!(read.len(), 2);
        assert!(!format!("{read:?}").contains("canary"));
        let new = |url: &str| NewCallback {
            service: "CarrierService".to_owned(),
            url: url.into(),
            username: "u".into(),
            password: "p".into(),
        };
        assert!(
            read[0].is(&new("https://x/canary")) && !read[0].is(&new("https://x")) && !read[1].is(&new("https://y"))
        );
    }

    #[test]
    fn an_answer_about_another_service_proves_nothing() {
        assert_eq!(of_service(r#"{"accountName":"a","serviceName":"carrierservice"}"#, "CarrierService"), Ok(()));
        for text in ["", "{}", r#"{"serviceName":"DeviceService"}"#, r#"{"name":"CarrierService"}"#] {
            assert!(of_service(text, "CarrierService").is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC*") {
            let _ = (proof::array(&text).map(registered), proof::array(&text).map(plans), of_service(&text, "x"));
            let _ = proof::object(&text).map(pools);
        }
    }
}
