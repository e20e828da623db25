use super::*;
use uuid::Uuid;

fn account(n: u128) -> IntegrationAuthenticationId {
    IntegrationAuthenticationId(Uuid::from_u128(n))
}

fn item(id: i64, description: &str) -> BillingItem {
    BillingItem { account: account(1), id, description: Some(description.to_owned()), active: true }
}

fn product(id: i64, provider: i64, rate: Option<&str>) -> ProductCandidate {
    ProductCandidate { item: item(id, "Data"), provider: Some(provider), rate: rate.map(str::to_owned) }
}

fn facts() -> LineFacts {
    let gone = BillingItem { active: false, ..item(13, "Old") };
    let elsewhere = BillingItem { account: account(2), ..item(14, "Elsewhere") };
    let line = |id: u128, rev_service_id: i64, customer: &str, active: bool| ServiceCandidate {
        item: BillingItem { active, ..item(rev_service_id, "Pump") },
        rev_customer_id: customer.to_owned(),
        line: ExistingLine { id: RevServiceId(Uuid::from_u128(id)), rev_service_id, number: None, number2: None },
    };
    LineFacts {
        providers: vec![item(10, "Verizon"), item(11, "Twin"), item(12, "Twin"), gone, elsewhere],
        service_types: vec![item(20, "SIM")],
        usage_plan_groups: vec![item(30, "Pooled")],
        packages: vec![PackageCandidate {
            item: item(40, "Gold"),
            provider: Some(10),
            service_type: Some(20),
            usage_plan_group: None,
        }],
        products: vec![
            product(50, 10, Some("5")),
            product(51, 10, None),
            product(52, 11, Some("0.12345")),
            product(53, 13, Some("1")),
        ],
        services: vec![line(1, 70, "9000001", true), line(2, 71, "9000002", true), line(3, 72, "9000001", false)],
    }
}

fn owner() -> RevAccount {
    RevAccount { rev_customer_id: "9000001".into(), integration_authentication: account(1) }
}

fn list(text: &[&str]) -> Option<Vec<String>> {
    Some(text.iter().map(|one| (*one).to_owned()).collect())
}

fn new(change: impl FnOnce(&mut LineRequest)) -> Result<NewLine, (Reason, String)> {
    let mut asked = LineRequest { create_rev_service: true, ..LineRequest::default() };
    change(&mut asked);
    match the_line(&asked, "Acme", Some(&owner()), &facts()) {
        Ok(Some(Line::New(line))) => Ok(line),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err((refusal.reason, refusal.detail)),
    }
}

#[test]
fn a_package_brings_its_provider_and_kind_and_products_bring_their_rates() {
    let gold = new(|asked| asked.package = Some("Gold".into())).unwrap();
    assert_eq!((gold.provider, gold.service_type, gold.package, gold.products), (10, Some(20), Some(40), vec![]));
    let products = new(|asked| {
        asked.products = list(&["50", "51"]);
        asked.rates = list(&["", "7.25"]);
        asked.usage_plan_group = Some("Pooled".into());
    });
    let rate = |text: &str| Rate::parse(text).unwrap();
    let products = products.unwrap();
    assert_eq!(products.products, [(50, rate("5")), (51, rate("7.25"))]);
    assert_eq!((products.provider, products.usage_plan_group), (10, Some(30)));
}

#[test]
fn each_wish_that_cannot_be_met_says_which_and_why() {
    type Ask = fn(&mut LineRequest);
    let cases: [(Ask, Reason, &str); 14] = [
        (|_| {}, Reason::ProductNotFound, "neither a package nor a product is named"),
        (|a| a.package = Some("Iron".into()), Reason::ProductNotFound, "Iron"),
        (|a| a.products = list(&["99"]), Reason::ProductNotFound, "99"),
        (|a| a.products = list(&["Data"]), Reason::ProductNotFound, "4 are called Data; name one by its id"),
        (|a| a.products = list(&["50", "50"]), Reason::ProductsAndRatesDiffer, "product 50 is named twice"),
        (
            |a| {
                a.products = list(&["50"]);
                a.rates = list(&["1", "2"]);
            },
            Reason::ProductsAndRatesDiffer,
            "1 products, 2 rates",
        ),
        (
            |a| {
                a.products = list(&["50"]);
                a.rates = list(&["1,5"]);
            },
            Reason::RateInvalid,
            "product 50: 1,5",
        ),
        (|a| a.products = list(&["51"]), Reason::RateInvalid, "product 51 has no rate at Rev.io; give one"),
        (|a| a.products = list(&["52"]), Reason::RateInvalid, "product 52 has the rate 0.12345 at Rev.io; give one"),
        (
            |a| {
                a.products = list(&["50", "53"]);
            },
            Reason::BillingItemNotFound,
            "rev_provider: none is named, and what is to be charged has none, or several",
        ),
        (|a| a.products = list(&["53"]), Reason::BillingItemNotFound, "rev_provider: 13"),
        (
            |a| {
                a.package = Some("40".into());
                a.rev_provider = Some("Twin".into());
            },
            Reason::BillingItemNotFound,
            "rev_provider: 2 are called Twin; name one by its id",
        ),
        (
            |a| {
                a.package = Some("40".into());
                a.rev_provider = Some("Elsewhere".into());
            },
            Reason::BillingItemNotFound,
            "rev_provider: Elsewhere",
        ),
        (
            |a| {
                a.package = Some("40".into());
                a.service_type = Some("Voice".into());
            },
            Reason::BillingItemNotFound,
            "service_type: Voice",
        ),
    ];
    for (ask, reason, detail) in cases {
        assert_eq!(new(ask), Err((reason, detail.to_owned())));
    }
}

#[test]
fn an_existing_line_is_the_customers_own_and_not_disconnected() {
    let asked = |text: &str| LineRequest { service_id: Some(text.to_owned()), ..LineRequest::default() };
    let found = the_line(&asked("70"), "Acme", Some(&owner()), &facts()).unwrap();
    assert!(matches!(&found, Some(Line::Existing(line)) if line.rev_service_id == 70), "{found:?}");
    // By its description, too: the customer's own active one alone is called that.
    assert_eq!(the_line(&asked("Pump"), "Acme", Some(&owner()), &facts()).unwrap(), found);
    for other in ["71", "72", "73", "Valve"] {
        let refused = the_line(&asked(other), "Acme", Some(&owner()), &facts()).unwrap_err();
        assert_eq!(refused, Refusal::about(Reason::ServiceNotFound, other));
    }
    let both = LineRequest { package: Some("Gold".into()), ..asked("70") };
    assert_eq!(the_line(&both, "Acme", Some(&owner()), &facts()).unwrap_err().reason, Reason::ServiceNotFound);
}

#[test]
fn who_is_not_billed_at_rev_io_gets_no_line_there() {
    let asked = LineRequest { create_rev_service: true, ..LineRequest::default() };
    let refused = the_line(&asked, "Water", None, &facts()).unwrap_err();
    assert_eq!(refused, Refusal::about(Reason::NotARevCustomer, "Water"));
    assert_eq!(the_line(&LineRequest::default(), "Water", None, &facts()), Ok(None));
}
