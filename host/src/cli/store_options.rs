//! The options with which a store of lessons is named.

use std::time::Duration;

use clap::Args;
use sparkwright_core::policy::ResolvedPolicy;

use super::Failure;
use super::terminal::note;
use crate::lesson::{STORE, StoreAddress, store_address};
use crate::store::{Store, StoreError};

/// Where lessons of runs are kept.
#[derive(Debug, Clone, Args)]
pub struct StoreOptions {
    /// Store of the lessons of runs: a folder, or s3://, gs://, az:// or https:// with a prefix; `none` for none. If not given, `SPARKWRIGHT_STORE`,
    /// else the policy's `monitoring.store`, else ~/.local/share/sparkwright/lessons (below `XDG_DATA_HOME` where that is set).
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl StoreOptions {
    /// The store that is meant; nothing where none is.
    #[must_use]
    pub fn address(&self, policy: &ResolvedPolicy) -> Option<StoreAddress> {
        store_address(self.store.as_deref(), policy)
    }

    /// The address that the command line names.
    ///
    /// # Errors
    /// It is no store.
    pub fn given(self) -> Result<Option<String>, Failure> {
        if let Some(address) = &self.store {
            Store::at(address, Duration::ZERO)?;
        }
        Ok(self.store)
    }

    /// Whether the command line names one.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        self.store.is_some()
    }

    /// The store, which answers within so many milliseconds or not at all.
    ///
    /// # Errors
    /// None is meant, or it can't be opened.
    pub fn required(&self, policy: &ResolvedPolicy, within_ms: u64) -> Result<Store, Failure> {
        let address = self.address(policy).ok_or_else(|| {
            Failure::new("there is no store of lessons: it is switched off, or neither HOME nor XDG_DATA_HOME is set")
                .help(format!("name a folder or an address with --store, {STORE} or the policy's `monitoring.store`"))
        })?;
        Ok(Store::at(&address.url, Duration::from_millis(within_ms))?)
    }
}

/// Says how much of what was read is no lesson.
pub fn tell_unread(unread: usize) {
    if unread > 0 {
        note(&unread_told(unread));
    }
}

/// That so much of what was read is no lesson.
#[must_use]
pub fn unread_told(unread: usize) -> String {
    format!("{unread} of the store's objects are no whole lessons and are left out")
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::new(error.to_string());
        match error.next_step() {
            Some(next) => failure.help(next),
            None => failure,
        }
    }
}
