//! The platform's error codes (`thingspace.md` 1). Those that the page does not list are marked.

use std::borrow::Cow;

const REQUEST_FAILED: &str = "REQUEST_FAILED";
const INPUT_INVALID: &str = "INPUT_INVALID";

/// A code and its words. Clients match the code without the service's prefix, never the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    class: &'static str,
    specific: Cow<'static, str>,
    text: Cow<'static, str>,
}

impl Code {
    const fn failed(specific: &'static str, text: &'static str) -> Self {
        Self { class: REQUEST_FAILED, specific: Cow::Borrowed(specific), text: Cow::Borrowed(text) }
    }

    const fn invalid(specific: &'static str, text: &'static str) -> Self {
        Self { class: INPUT_INVALID, specific: Cow::Borrowed(specific), text: Cow::Borrowed(text) }
    }

    /// The plan's name is a part of the code (inferred).
    pub(crate) fn no_such_plan(plan: &str) -> Self {
        let text = Cow::Borrowed("The service plan was not found for the account.");
        Self { class: REQUEST_FAILED, specific: Cow::Owned(format!("{plan}.NotFound")), text }
    }

    /// A field that must be there is not: by analogy to `Account.NotDefined` (inferred).
    pub(crate) fn not_defined(field: &str) -> Self {
        let text = Cow::Owned(format!("{field} is required."));
        Self { class: INPUT_INVALID, specific: Cow::Owned(format!("{field}.NotDefined")), text }
    }

    /// The code, with the service's name before it.
    pub(crate) fn code(&self) -> String {
        format!("UnifiedWebService.{}.{}", self.class, self.specific)
    }

    /// The words.
    pub(crate) fn message(&self) -> String {
        format!("{}. {}", self.class, self.text)
    }
}

pub(crate) const INVALID_CHARACTER: Code =
    Code::invalid("Request.InvalidCharacter", "The request contains an invalid character.");
pub(crate) const UNDEFINED: Code = Code::invalid("RequestUndefined", "The request is not defined.");
pub(crate) const UNEXPECTED: Code = Code::failed("UnexpectedError", "An unexpected error occurred.");
pub(crate) const DESERIALIZATION: Code =
    Code::invalid("DeserializationFailed", "The request could not be deserialized.");

pub(crate) const SESSION_EXPIRED: Code = Code::failed("SessionToken.Expired", "The session token has expired.");
pub(crate) const SESSION_ABSENT: Code = Code::failed("SessionToken.Format", "The session token is missing.");
pub(crate) const SESSION_INVALID: Code = Code::invalid("SessionToken.Invalid", "The session token is not valid.");
/// Inferred.
pub(crate) const WRONG_LOGIN: Code = Code::failed("LogIn.InvalidCredentials", "The user name or password is wrong.");
/// Inferred.
pub(crate) const LOCKED: Code = Code::failed("LogIn.Locked", "The user is locked. Contact support.");
/// Inferred.
pub(crate) const WRONG_PASSWORD: Code = Code::invalid("Password.Invalid", "The old password is wrong.");

pub(crate) const ACCOUNT_NOT_DEFINED: Code = Code::invalid("Account.NotDefined", "The account name is not valid.");
pub(crate) const ACCOUNT_OF_OTHERS: Code = Code::failed("AccountName", "The user is not entitled to the account.");
pub(crate) const ACCOUNT_NOT_FOUND: Code = Code::failed("AccountNotFound", "The account was not found.");
pub(crate) const NO_ACCOUNTS: Code = Code::failed("NoAccounts", "The user has no accounts.");
pub(crate) const MULTIPLE_ACCOUNTS: Code =
    Code::failed("MultipleAccounts", "The user has several accounts; one must be named.");
/// In callbacks only.
pub(crate) const WRONG_ACCOUNT: Code =
    Code::invalid("Device.Account.Invalid", "The device does not belong to the account.");

pub(crate) const KIND_INVALID: Code = Code::invalid(
    "Device.Kind.Invalid",
    "The kind of device identifier is not valid: ICCID, MEID, IMSI, MDN, IMEI, MSISDN, ESN.",
);
pub(crate) const IDENTIFIER_INVALID: Code =
    Code::invalid("Device.Identifier.Invalid", "The device identifier is not valid.");
pub(crate) const DEVICE_NOT_FOUND: Code = Code::failed("DeviceNotFound", "The device was not found.");
/// Inferred.
pub(crate) const IDENTIFIER_TAKEN: Code =
    Code::failed("Device.Identifier.InUse", "The identifier belongs to another device.");

pub(crate) const CUSTOM_FIELD_NAME: Code =
    Code::invalid("CustomField.InvalidName", "Custom fields are named CustomField1 to CustomField5.");
pub(crate) const CUSTOM_FIELD_LENGTH: Code =
    Code::invalid("CustomField.TooLong", "A custom field has at most 50 characters.");
/// Inferred.
pub(crate) const COST_CENTER: Code = Code::invalid(
    "CostCenter.Invalid",
    "A cost center has at most 36 characters: letters, digits, space, hyphen, exclamation mark, number sign.",
);

pub(crate) const TOO_MANY_DEVICES: Code = Code::invalid("MaxRequestsExceeded", "The request names too many devices.");
pub(crate) const NUMBER_OF_DEVICES: Code = Code::invalid("NumberofDevices", "The request names too many devices.");
pub(crate) const STATE_INVALID: Code = Code::invalid("DeviceState.Invalid", "The device is not in a valid state.");
pub(crate) const ALREADY_ACTIVE: Code = Code::failed("DeviceAlreadyActive", "Device is already active");
pub(crate) const NO_DEFAULT_POOL: Code = Code::failed("DefaultIpPoolNotDefined", "The account has no default IP pool.");
/// Inferred.
pub(crate) const POOL_NOT_FOUND: Code = Code::failed("IpPoolNotFound", "The IP pool was not found for the account.");
/// Inferred.
pub(crate) const POOL_EXHAUSTED: Code = Code::failed("IpPoolExhausted", "The IP pool has no address left.");
/// Inferred.
pub(crate) const ADDRESS_TAKEN: Code = Code::failed("IpAddressNotAvailable", "The IP address is not available.");
/// Inferred.
pub(crate) const REASON_CODE: Code = Code::invalid("ReasonCode.Invalid", "The reason code must be FF.");
/// Inferred.
pub(crate) const PLAN_CHANGES: Code =
    Code::failed("ServicePlanChangeLimit", "The service plan was changed too often this month.");
/// Inferred.
pub(crate) const PROVISIONINGS: Code = Code::failed("ProvisioningLimit", "The line was provisioned too often today.");
/// Inferred.
pub(crate) const SUSPENDED_DAYS: Code =
    Code::failed("SuspensionLimit", "The line was suspended for too many days of the last 12 months.");
/// Inferred.
pub(crate) const NOT_ALLOWED: Code = Code::failed("ProvisioningNotAllowed", "The account may not be provisioned.");
/// Inferred.
pub(crate) const DATE_INVALID: Code = Code::invalid("Date.Invalid", "A date is not valid.");
/// Inferred.
pub(crate) const CHANGE_OPTION: Code = Code::invalid("Change4gOption.Invalid", "The change option is not valid.");

pub(crate) const GROUP_EXISTS: Code = Code::failed("DeviceGroup.Exists", "The device group exists.");
pub(crate) const GROUP_IS_DEFAULT: Code =
    Code::invalid("DeviceGroup.DeleteDefault", "The default device group cannot be deleted.");
pub(crate) const GROUP_NOT_FOUND: Code = Code::failed("DeviceGroupNotFound", "The device group was not found.");

/// Inferred.
pub(crate) const REQUEST_NOT_FOUND: Code =
    Code::failed("RequestNotFound", "There is no request of one device with that id.");
/// Inferred.
pub(crate) const SERVICE_NAME: Code = Code::invalid("CallbackService.Invalid", "There is no such callback service.");
/// Inferred.
pub(crate) const LISTENER_URL: Code = Code::invalid("CallbackUrl.Invalid", "The callback URL is not valid.");
/// Inferred.
pub(crate) const LISTENER_CREDENTIALS: Code =
    Code::invalid("CallbackCredentials.Invalid", "The callback credentials are not valid.");
/// Inferred.
pub(crate) const LISTENER_EXISTS: Code =
    Code::failed("CallbackService.Exists", "The callback service is registered at another URL.");
/// Inferred.
pub(crate) const LISTENER_NOT_FOUND: Code =
    Code::failed("CallbackService.NotFound", "The callback service is not registered.");
