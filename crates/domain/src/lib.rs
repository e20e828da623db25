//! The words of Ascribe: nouns, states, rules and reasons to refuse.
//! Must not know: databases, sockets, HTTP, files, clocks. Nothing here does I/O and nothing is async.
//!
//! # Glossary
//!
//! The same word in SQL, Rust, API, page and log. In brackets the word of the original system.
//!
//! | Word | Meaning |
//! |---|---|
//! | tenant [Tenant] | a partner (reseller); with a parent it is an agent partner |
//! | rev customer [RevCustomer] | an account at Rev.io; key is (rev_customer_id, integration authentication), never the id alone |
//! | AMOP customer [non-revenue customer] | a customer that exists only here: a site with no Rev account |
//! | site [Site] | a customer's seat in a tenant; exactly one per tenant is the system default ("Unassigned") |
//! | service provider [ServiceProvider] | one account at one carrier |
//! | m2m device [M2M_Device] | a SIM |
//! | device tenant [Device_Tenant] | the assignment: one row per device and tenant |
//! | customer rate plan, pool | what the reseller charges its customer (not the carrier rate plan) |
//! | associate customer [BulkChangeAssociateCustomerModel] | the request |
//! | bulk change [DeviceBulkChange] | one request over many devices of one service provider; a plan until it is applied |
//! | device change [M2M_DeviceChange] | one device in one bulk change: the plan's row and the ledger's row |
//! | device change log [M2MDeviceBulkChangeLog] | one row per step per attempt |
//! | verdict | what a plan says of one row: CHANGE, NO_CHANGE or REFUSED |
//! | chunk | a range of rows of a bulk change: what is claimed, leased and settled together |
//! | override | what one row of an input asks for in place of the request |
//! | linked changes | what a file that mixes service providers becomes: one change for each |
//! | line [RevService] | what Rev.io bills for a SIM: a service with its products; active while it is not disconnected and charges something |
//! | carrier rate plan | what the carrier charges for a SIM; an activation gives a SIM service with one |
//! | standing | what the carrier's own word for a SIM's state means |
//! | step | one thing that is done for a row, outside or here: activate, give an address, change the carrier rate plan; close, open or update a line; then record the assignment |
//! | schedule | plan, pool and allocation of a device that wait for their effective date |
//! | webhook | an address that is told of events; a delivery is one event for one webhook, an attempt one try of it |
//! | person | somebody who signs in; belongs to one tenant, and has a role in it and in agent partners below it |
//! | session | one browser in which a person is signed in, acting in one tenant at a time |
//! | invitation | a link with which a person sets a password, once |
//! | settle | the transaction that records a chunk's outcome: assignment, history, row, log, counts, audit |

pub mod allocation;
pub mod api_key;
pub mod associate_customer;
pub mod carrier;
pub mod carrier_request;
pub mod carrier_target;
pub mod clock;
pub mod csv_cell;
pub mod dates;
mod decimal;
pub mod email;
pub mod iccid;
pub mod iccid_range;
pub mod identifier;
pub mod ids;
pub mod input_field;
pub mod line_request;
pub mod line_target;
pub mod overrides;
pub mod password;
pub mod provider_address;
pub mod rate;
pub mod reason;
pub mod rights;
pub mod secret_token;
pub mod states;
pub mod steps;
pub mod target;
pub mod undo;
pub mod verdict;
pub mod webhook;
pub mod webhook_address;
