//! ServiceAccounts.

use super::Strategy;

/// The rules of ServiceAccounts.
pub(crate) struct ServiceAccounts;

impl Strategy for ServiceAccounts {}
