//! What is read of an account, and where each kind of object is kept.

/// A kind of object at Rev.io that is mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Who carries the lines.
    Providers,
    /// Kinds of lines.
    ServiceTypes,
    /// How usage is rated.
    UsagePlanGroups,
    /// What can be charged.
    Products,
    /// Products that come together.
    Packages,
    /// Which products a package has.
    PackageProducts,
    /// Accounts.
    Customers,
    /// Billed lines.
    Services,
    /// What is charged on a line.
    ServiceProducts,
}

impl Resource {
    /// In the order in which they are read: what is pointed at comes first.
    pub const ALL: [Self; 9] = [
        Self::Providers,
        Self::ServiceTypes,
        Self::UsagePlanGroups,
        Self::Products,
        Self::Packages,
        Self::PackageProducts,
        Self::Customers,
        Self::Services,
        Self::ServiceProducts,
    ];

    /// Its word in the database, in logs and at the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Providers => "providers",
            Self::ServiceTypes => "service_types",
            Self::UsagePlanGroups => "usage_plan_groups",
            Self::Products => "products",
            Self::Packages => "packages",
            Self::PackageProducts => "package_products",
            Self::Customers => "customers",
            Self::Services => "services",
            Self::ServiceProducts => "service_products",
        }
    }

    /// The table, its key, and its other columns with their types.
    pub(super) const fn shape(self) -> (&'static str, &'static str, &'static [(&'static str, &'static str)]) {
        match self {
            Self::Providers => (
                "rev_provider",
                "rev_provider_id",
                &[("description", "text"), ("provider_code", "text"), ("is_active", "boolean")],
            ),
            Self::ServiceTypes => (
                "rev_service_type",
                "rev_service_type_id",
                &[("description", "text"), ("service_code", "text"), ("is_active", "boolean")],
            ),
            Self::UsagePlanGroups => (
                "rev_usage_plan_group",
                "rev_usage_plan_group_id",
                &[("description", "text"), ("is_active", "boolean")],
            ),
            Self::Products => (
                "rev_product",
                "rev_product_id",
                &[
                    ("description", "text"),
                    ("rev_provider_id", "bigint"),
                    ("product_type_id", "bigint"),
                    ("rate", "numeric"),
                    ("cost", "numeric"),
                    ("is_active", "boolean"),
                ],
            ),
            Self::Packages => (
                "rev_package",
                "rev_package_id",
                &[
                    ("description", "text"),
                    ("rev_provider_id", "bigint"),
                    ("rev_service_type_id", "bigint"),
                    ("rev_usage_plan_group_id", "bigint"),
                    ("is_active", "boolean"),
                ],
            ),
            Self::PackageProducts => (
                "rev_package_product",
                "rev_package_product_id",
                &[("rev_package_id", "bigint"), ("rev_product_id", "bigint"), ("rate", "numeric")],
            ),
            Self::Customers => (
                "rev_customer",
                "rev_customer_id",
                &[
                    ("customer_name", "text"),
                    ("status", "text"),
                    ("parent_rev_customer_id", "text"),
                    ("activated_date", "date"),
                    ("close_date", "date"),
                    ("bill_profile_id", "bigint"),
                    ("agent_id", "bigint"),
                ],
            ),
            Self::Services => (
                "rev_service",
                "rev_service_id",
                &[
                    ("rev_customer_id", "text"),
                    ("number", "text"),
                    ("number2", "text"),
                    ("rev_provider_id", "bigint"),
                    ("rev_service_type_id", "bigint"),
                    ("rev_package_id", "bigint"),
                    ("rev_usage_plan_group_id", "bigint"),
                    ("description", "text"),
                    ("activated_date", "date"),
                    ("disconnected_date", "date"),
                ],
            ),
            Self::ServiceProducts => (
                "rev_service_product",
                "rev_service_product_id",
                &[
                    ("rev_service_id", "bigint"),
                    ("rev_customer_id", "text"),
                    ("rev_product_id", "bigint"),
                    ("rev_package_id", "bigint"),
                    ("description", "text"),
                    ("rate", "numeric"),
                    ("cost", "numeric"),
                    ("quantity", "numeric"),
                    ("status", "text"),
                    ("status_date", "date"),
                    ("activated_date", "date"),
                    ("canceled_date", "date"),
                    ("billed_through_date", "date"),
                ],
            ),
        }
    }

    /// Do devices have to be linked again when such an object changed?
    pub(super) const fn is_linked_by(self) -> bool {
        matches!(self, Self::Customers | Self::Services | Self::ServiceProducts)
    }
}
