//! Who is out there: merchant accounts, agencies, and which city uses which.

use std::{collections::HashMap, sync::Arc};

use agency::Agency;
use kernel::{AgencyCode, Channel, CityCode, Current, MerchantKey};
use platforms::PaymentChannel;

use crate::OrderError;

/// Everything that orders speak to, by name.
#[derive(Debug, Default)]
pub struct Entries {
    channels: HashMap<MerchantKey, Arc<dyn PaymentChannel>>,
    agencies: HashMap<AgencyCode, Arc<dyn Agency>>,
    collectors: HashMap<(CityCode, Channel), MerchantKey>,
}

impl Entries {
    pub fn with_channel(mut self, channel: Arc<dyn PaymentChannel>) -> Entries {
        self.channels.insert(channel.merchant().clone(), channel);
        self
    }

    pub fn with_agency(mut self, code: AgencyCode, agency: Arc<dyn Agency>) -> Entries {
        self.agencies.insert(code, agency);
        self
    }

    /// `city` collects through `merchant` when the citizen is in that merchant's wallet.
    pub fn with_collector(
        mut self,
        city: CityCode,
        channel: Channel,
        merchant: MerchantKey,
    ) -> Entries {
        self.collectors.insert((city, channel), merchant);
        self
    }

    pub fn has_agency(&self, code: &AgencyCode) -> bool {
        self.agencies.contains_key(code)
    }
}

/// Why a directory stays as it is. Money may be under way through every entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenewalError {
    #[error("the merchant account {0} is gone, and payments may be under way through it")]
    MerchantGone(MerchantKey),
    #[error("{0} is another merchant or application now; give the new one a key of its own")]
    OtherMerchant(MerchantKey),
    #[error("the agency {0} is gone, and postings may be under way to it")]
    AgencyGone(AgencyCode),
}

/// The entries in force. Clones share them.
#[derive(Clone, Debug)]
pub struct Directory(Current<Entries>);

impl Directory {
    pub fn new(entries: Entries) -> Directory {
        Directory(Current::new(entries))
    }

    /// Puts new entries in force: other keys for the same accounts, more accounts, other collectors.
    /// What is under way ends with the entries that it began with.
    ///
    /// # Errors
    /// [`RenewalError`]; the former entries stay in force then.
    pub fn renew(&self, entries: Entries) -> Result<(), RenewalError> {
        let former = self.0.get();
        for (key, channel) in &former.channels {
            let present = entries.channels.get(key);
            let present = present.ok_or_else(|| RenewalError::MerchantGone(key.clone()))?;
            let identity = |channel: &Arc<dyn PaymentChannel>| {
                (channel.channel(), channel.merchant_id().to_owned(), channel.app_id().to_owned())
            };
            if identity(present) != identity(channel) {
                return Err(RenewalError::OtherMerchant(key.clone()));
            }
        }
        if let Some(gone) = former.agencies.keys().find(|code| !entries.has_agency(code)) {
            return Err(RenewalError::AgencyGone(gone.clone()));
        }
        self.0.replace(entries);
        Ok(())
    }

    /// The merchant account behind a callback address.
    pub fn channel(&self, merchant: &MerchantKey) -> Option<Arc<dyn PaymentChannel>> {
        self.0.get().channels.get(merchant).cloned()
    }

    /// # Errors
    /// [`OrderError::UnknownAgency`].
    pub fn agency(&self, code: &AgencyCode) -> Result<Arc<dyn Agency>, OrderError> {
        let agency = self.0.get().agencies.get(code).cloned();
        agency.ok_or_else(|| OrderError::UnknownAgency(code.clone()))
    }

    /// # Errors
    /// [`OrderError::NoMerchant`] when the city does not collect through the channel.
    pub fn collector(
        &self,
        city: &CityCode,
        channel: Channel,
    ) -> Result<Arc<dyn PaymentChannel>, OrderError> {
        let entries = self.0.get();
        let merchant = entries.collectors.get(&(city.clone(), channel));
        let collector = merchant.and_then(|merchant| entries.channels.get(merchant));
        collector.cloned().ok_or(OrderError::NoMerchant)
    }
}
