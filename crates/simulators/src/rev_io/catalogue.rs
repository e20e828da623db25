//! The catalogue (`rev_io.md` C6): what can be sold and by whom. The page names the collections and the fields of providers,
//! packages, service types and bill profiles; the fields of the others are inferred.

use super::object::{Amount, WireDate, object};
use serde_json::Value;

object! {
    /// Something that can be billed. Fields inferred.
    Product in Products by product_id, indexed [product_type_id, provider_id] {
        product_type_id: Option<i64>,
        provider_id: Option<i64>,
        description: Option<String>,
        code_1: Option<String>,
        code_2: Option<String>,
        rate: Option<Amount>,
        cost: Option<Amount>,
        wholesale_description: Option<String>,
        tax_included: bool,
        group_on_bill: bool,
        itemized: bool,
        created_date: Option<WireDate>,
        active: bool,
        fields: Vec<Value>,
    }
}

object! {
    /// A sort of product. Fields inferred.
    ProductType in ProductTypes by product_type_id, indexed [] {
        product_type_code: Option<String>,
        description: Option<String>,
        active: bool,
    }
}

object! {
    /// Products sold together.
    Package in Packages by package_id, indexed [provider_id] {
        provider_id: Option<i64>,
        description: Option<String>,
        description_on_bill: Option<String>,
        usage_plan_group_id: Option<i64>,
        service_type_id: Option<i64>,
        active: bool,
    }
}

object! {
    /// A product in a package; what is null is as the product has it. Fields inferred.
    PackageProduct in PackageProducts by package_product_id, indexed [package_id, product_id] {
        package_id: i64,
        product_id: i64,
        description: Option<String>,
        code_1: Option<String>,
        code_2: Option<String>,
        rate: Option<Amount>,
        cost: Option<Amount>,
        quantity: Option<Amount>,
        tax_included: Option<bool>,
        group_on_bill: Option<bool>,
        itemized: Option<bool>,
    }
}

object! {
    /// Whose network a line is on.
    Provider in Providers by provider_id, indexed [] {
        description: Option<String>,
        provider_code: Option<String>,
        active: bool,
        created_date: Option<WireDate>,
        created_by: Option<i64>,
        bill_profile_id: Option<i64>,
        order_types: Vec<Value>,
    }
}

object! {
    /// The reseller's account at a provider. Fields inferred.
    ProviderAccount in ProviderAccounts by provider_account_id, indexed [provider_id] {
        provider_id: Option<i64>,
        description: Option<String>,
        account_number: Option<String>,
        active: bool,
    }
}

object! {
    /// A sort of line.
    ServiceType in ServiceTypes by service_type_id, indexed [] {
        active: bool,
        description: Option<String>,
        service_code: Option<String>,
    }
}

object! {
    /// How usage is rated. Fields inferred.
    UsagePlanGroup in UsagePlanGroups by usage_plan_group_id, indexed [] {
        description: Option<String>,
        long_description: Option<String>,
        active: bool,
    }
}

object! {
    /// How bills are made.
    BillProfile in BillProfiles by bill_profile_id, indexed [] {
        description: Option<String>,
        active: bool,
    }
}

object! {
    /// Who sold it. Fields inferred.
    Agent in Agents by agent_id, indexed [] {
        parent_agent_id: Option<i64>,
        name: Option<String>,
        status: Option<String>,
        created_date: Option<WireDate>,
    }
}
