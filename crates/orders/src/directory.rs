//! Who is out there: merchant accounts, agencies, and which city uses which.

use std::{collections::HashMap, sync::Arc};

use agency::Agency;
use kernel::{AgencyCode, Channel, CityCode, MerchantKey};
use platforms::PaymentChannel;

use crate::OrderError;

/// Everything that orders speak to, by name. Built once at start.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    channels: HashMap<MerchantKey, Arc<dyn PaymentChannel>>,
    agencies: HashMap<AgencyCode, Arc<dyn Agency>>,
    collectors: HashMap<(CityCode, Channel), MerchantKey>,
}

impl Directory {
    pub fn with_channel(mut self, channel: Arc<dyn PaymentChannel>) -> Directory {
        self.channels.insert(channel.merchant().clone(), channel);
        self
    }

    pub fn with_agency(mut self, code: AgencyCode, agency: Arc<dyn Agency>) -> Directory {
        self.agencies.insert(code, agency);
        self
    }

    /// `city` collects through `merchant` when the citizen is in that merchant's wallet.
    pub fn with_collector(
        mut self,
        city: CityCode,
        channel: Channel,
        merchant: MerchantKey,
    ) -> Directory {
        self.collectors.insert((city, channel), merchant);
        self
    }

    /// The merchant account behind a callback address.
    pub fn channel(&self, merchant: &MerchantKey) -> Option<&Arc<dyn PaymentChannel>> {
        self.channels.get(merchant)
    }

    pub fn channels(&self) -> impl Iterator<Item = &Arc<dyn PaymentChannel>> {
        self.channels.values()
    }

    /// # Errors
    /// [`OrderError::UnknownAgency`].
    pub fn agency(&self, code: &AgencyCode) -> Result<&Arc<dyn Agency>, OrderError> {
        self.agencies.get(code).ok_or_else(|| OrderError::UnknownAgency(code.clone()))
    }

    /// # Errors
    /// [`OrderError::NoMerchant`] when the city does not collect through the channel.
    pub fn collector(
        &self,
        city: &CityCode,
        channel: Channel,
    ) -> Result<&Arc<dyn PaymentChannel>, OrderError> {
        self.collectors
            .get(&(city.clone(), channel))
            .and_then(|merchant| self.channels.get(merchant))
            .ok_or(OrderError::NoMerchant)
    }
}
