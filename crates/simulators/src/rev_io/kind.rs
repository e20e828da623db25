//! Rev.io's collections (`rev_io.md` C5, C6).

/// A collection, named as in its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the collection of that name in Rev.io's paths")]
pub enum Kind {
    Customers,
    Services,
    ServiceProduct,
    Products,
    ProductTypes,
    Packages,
    PackageProducts,
    Providers,
    ProviderAccounts,
    ServiceTypes,
    UsagePlanGroups,
    BillProfiles,
    Agents,
    InventoryItem,
    InventoryTypes,
    ServiceInventory,
    Charges,
}

impl Kind {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 17] = [
        Self::Customers,
        Self::Services,
        Self::ServiceProduct,
        Self::Products,
        Self::ProductTypes,
        Self::Packages,
        Self::PackageProducts,
        Self::Providers,
        Self::ProviderAccounts,
        Self::ServiceTypes,
        Self::UsagePlanGroups,
        Self::BillProfiles,
        Self::Agents,
        Self::InventoryItem,
        Self::InventoryTypes,
        Self::ServiceInventory,
        Self::Charges,
    ];

    /// Its name in paths.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customers => "Customers",
            Self::Services => "Services",
            Self::ServiceProduct => "ServiceProduct",
            Self::Products => "Products",
            Self::ProductTypes => "ProductTypes",
            Self::Packages => "Packages",
            Self::PackageProducts => "PackageProducts",
            Self::Providers => "Providers",
            Self::ProviderAccounts => "ProviderAccounts",
            Self::ServiceTypes => "ServiceTypes",
            Self::UsagePlanGroups => "UsagePlanGroups",
            Self::BillProfiles => "BillProfiles",
            Self::Agents => "Agents",
            Self::InventoryItem => "InventoryItem",
            Self::InventoryTypes => "InventoryTypes",
            Self::ServiceInventory => "ServiceInventory",
            Self::Charges => "Charges",
        }
    }

    /// The collection of that name, in any case: clients write both `serviceProduct` and `ServiceProduct` (C1).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}
