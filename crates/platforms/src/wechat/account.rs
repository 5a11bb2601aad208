//! Whose money an account takes, and how each message says so.
//!
//! A direct merchant (直连商户) is named by `appid` and `mchid`. A service provider (服务商) signs with
//! its own key and takes money for a sub merchant (特约商户): both are named, and a message proves
//! nothing unless it names both. To the rooms above there is one merchant id and one app id either
//! way: the id of an account in partner mode is `sp_mchid/sub_mchid`, so that another sub merchant
//! of the same provider is as wrong as another merchant.

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error},
};
use serde_json::value::RawValue;

use super::{WechatConfig, WechatPartner};
use crate::{
    SetupError,
    facts::{MERCHANT_ID_MAX, is_name},
    setup::identifier,
};

/// The members that name the account, in requests, answers and notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mchid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sp_appid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sp_mchid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_appid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<String>,
}

impl Owner {
    /// The merchant that a message names; `None` also when it contradicts itself, and when it names a
    /// service provider without saying for whom.
    pub(super) fn merchant_id(&self) -> Option<String> {
        let whole = match (&self.sp_mchid, &self.mchid, &self.sub_mchid) {
            (Some(provider), Some(merchant), _) if provider != merchant => return None,
            (Some(first), _, Some(sub)) | (None, Some(first), Some(sub)) => {
                format!("{first}/{sub}")
            }
            (None, Some(merchant), None) => merchant.clone(),
            (Some(_), _, None) | (None, None, _) => return None,
        };
        is_name(&whole).then_some(whole)
    }

    /// Whether it names anybody at all. Answers about refunds do not.
    pub(super) fn is_nobody(&self) -> bool {
        [&self.mchid, &self.sp_mchid, &self.sub_mchid].into_iter().all(Option::is_none)
    }
}

/// What a message tells, and whom it names. The two are read one after the other and not flattened into
/// one another: that would keep members that nobody asks for, however deep they are nested.
pub(super) struct Named<T> {
    pub(super) owner: Owner,
    pub(super) told: T,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Named<T>, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let owner = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        let told = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Named { owner, told })
    }
}

/// Who pays, by the mini-program that the id belongs to.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PayerId<'a> {
    Openid(&'a str),
    SpOpenid(&'a str),
    SubOpenid(&'a str),
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct NamedPayer {
    openid: Option<String>,
    sp_openid: Option<String>,
    sub_openid: Option<String>,
}

/// One account, checked.
pub(super) struct Account {
    app_id: String,
    mchid: String,
    partner: Option<WechatPartner>,
    merchant_id: String,
}

impl Account {
    pub(super) fn read(config: &mut WechatConfig) -> Result<Account, SetupError> {
        let mchid = identifier("mchid", std::mem::take(&mut config.mchid))?;
        let app_id = identifier("app_id", std::mem::take(&mut config.app_id))?;
        let Some(partner) = config.partner.take() else {
            return Ok(Account { app_id, merchant_id: mchid.clone(), mchid, partner: None });
        };
        let sub_mchid = identifier("sub_mchid", partner.sub_mchid)?;
        let sub_app_id = partner.sub_app_id.map(|id| identifier("sub_app_id", id)).transpose()?;
        if sub_mchid == mchid {
            return Err(SetupError::new("sub_mchid", "is the service provider's own number"));
        }
        if sub_app_id.as_ref() == Some(&app_id) {
            let problem = "is the service provider's own: leave it out";
            return Err(SetupError::new("sub_app_id", problem));
        }
        let merchant_id = format!("{mchid}/{sub_mchid}");
        if merchant_id.len() > MERCHANT_ID_MAX {
            return Err(SetupError::new("sub_mchid", "is too long"));
        }
        let partner = Some(WechatPartner { sub_mchid, sub_app_id });
        Ok(Account { app_id, mchid, partner, merchant_id })
    }

    /// Who signs.
    pub(super) fn mchid(&self) -> &str {
        &self.mchid
    }

    /// Whose money it is: what [`Owner::merchant_id`] has to say.
    pub(super) fn merchant_id(&self) -> &str {
        &self.merchant_id
    }

    pub(super) fn sub_mchid(&self) -> Option<&str> {
        self.partner.as_ref().map(|partner| partner.sub_mchid.as_str())
    }

    fn sub_app_id(&self) -> Option<&str> {
        self.partner.as_ref()?.sub_app_id.as_deref()
    }

    /// The mini-program that opens the wallet.
    pub(super) fn app_id(&self) -> &str {
        self.sub_app_id().unwrap_or(&self.app_id)
    }

    /// The family of paths for payments.
    pub(super) const fn payments(&self) -> &'static str {
        match self.partner {
            None => "/v3/pay/transactions",
            Some(_) => "/v3/pay/partner/transactions",
        }
    }

    /// Names the account where merchant and app are asked for.
    pub(super) fn owner(&self) -> Owner {
        let app_id = Some(self.app_id.clone());
        match &self.partner {
            None => Owner { appid: app_id, ..self.merchant() },
            Some(partner) => {
                Owner { sp_appid: app_id, sub_appid: partner.sub_app_id.clone(), ..self.merchant() }
            }
        }
    }

    /// Names the account where only the merchant is asked for.
    pub(super) fn merchant(&self) -> Owner {
        let mchid = Some(self.mchid.clone());
        match &self.partner {
            None => Owner { mchid, ..Owner::default() },
            Some(partner) => Owner {
                sp_mchid: mchid,
                sub_mchid: Some(partner.sub_mchid.clone()),
                ..Owner::default()
            },
        }
    }

    /// [`Self::merchant`] as a query; the ids need no encoding.
    pub(super) fn query(&self) -> String {
        match self.sub_mchid() {
            None => format!("mchid={}", self.mchid),
            Some(sub_mchid) => format!("sp_mchid={}&sub_mchid={sub_mchid}", self.mchid),
        }
    }

    pub(super) fn payer<'a>(&self, id: &'a str) -> PayerId<'a> {
        match &self.partner {
            None => PayerId::Openid(id),
            Some(WechatPartner { sub_app_id: None, .. }) => PayerId::SpOpenid(id),
            Some(WechatPartner { sub_app_id: Some(_), .. }) => PayerId::SubOpenid(id),
        }
    }

    /// The payer's id under [`Self::app_id`]; a provider is told the other one as well.
    pub(super) fn payer_id(&self, payer: NamedPayer) -> Option<String> {
        match &self.partner {
            None => payer.openid,
            Some(WechatPartner { sub_app_id: None, .. }) => payer.sp_openid,
            Some(WechatPartner { sub_app_id: Some(_), .. }) => payer.sub_openid,
        }
    }

    /// The app that a message names: the sub merchant's only together with our own as provider's,
    /// otherwise the provider's, which then is not what was asked for.
    pub(super) fn named_app(&self, named: &Owner) -> Option<String> {
        let app_id = match (&named.sp_appid, &named.appid, &named.sub_appid) {
            (Some(provider), None, Some(sub)) if *provider == self.app_id => sub,
            (Some(app_id), None, _) | (None, Some(app_id), None) => app_id,
            _ => return None,
        };
        is_name(app_id).then(|| app_id.clone())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn named(value: Value) -> Owner {
        serde_json::from_value(value).expect("members")
    }

    fn account(partner: Option<(&str, Option<&str>)>) -> Account {
        let partner = partner.map(|(sub_mchid, sub_app_id)| WechatPartner {
            sub_mchid: sub_mchid.into(),
            sub_app_id: sub_app_id.map(str::to_owned),
        });
        Account::read(&mut WechatConfig { partner, ..super::super::tests::config("x".into()) })
            .expect("an account")
    }

    #[rstest]
    #[case::direct(json!({"mchid": "19"}), Some("19"))]
    #[case::partner(json!({"sp_mchid": "19", "sub_mchid": "20"}), Some("19/20"))]
    #[case::provider_alone(json!({"sp_mchid": "19"}), None)]
    #[case::mixed(json!({"mchid": "19", "sub_mchid": "20"}), Some("19/20"))]
    #[case::twice_the_same(json!({"mchid": "19", "sp_mchid": "19", "sub_mchid": "20"}), Some("19/20"))]
    #[case::contradiction(json!({"mchid": "18", "sp_mchid": "19", "sub_mchid": "20"}), None)]
    #[case::sub_alone(json!({"sub_mchid": "20"}), None)]
    #[case::nobody(json!({}), None)]
    #[case::no_name(json!({"mchid": "1\n"}), None)]
    #[case::too_long(json!({"sp_mchid": "1".repeat(40), "sub_mchid": "2".repeat(40)}), None)]
    fn a_message_names_a_merchant(#[case] members: Value, #[case] merchant_id: Option<&str>) {
        assert_eq!(named(members).merchant_id().as_deref(), merchant_id);
    }

    const OWN: &str = "wx0123456789abcdef";

    #[rstest]
    #[case::direct(None, json!({"appid": OWN}), Some(OWN))]
    #[case::direct_is_told_of_a_sub(None, json!({"appid": OWN, "sub_appid": "wxsub"}), None)]
    #[case::provider(Some(None), json!({"sp_appid": OWN}), Some(OWN))]
    #[case::provider_is_told_of_a_sub(Some(None), json!({"sp_appid": OWN, "sub_appid": "wxsub"}), Some("wxsub"))]
    #[case::sub(Some(Some("wxsub")), json!({"sp_appid": OWN, "sub_appid": "wxsub"}), Some("wxsub"))]
    #[case::sub_of_another(Some(Some("wxsub")), json!({"sp_appid": "wx9", "sub_appid": "wxsub"}), Some("wx9"))]
    #[case::sub_is_missing(Some(Some("wxsub")), json!({"sp_appid": OWN}), Some(OWN))]
    #[case::both(Some(Some("wxsub")), json!({"appid": OWN, "sp_appid": OWN, "sub_appid": "wxsub"}), None)]
    fn a_message_names_an_app(
        #[case] partner: Option<Option<&str>>,
        #[case] members: Value,
        #[case] app_id: Option<&str>,
    ) {
        let account = account(partner.map(|sub_app_id| ("1900000109", sub_app_id)));
        assert_eq!(account.named_app(&named(members)).as_deref(), app_id);
    }

    #[rstest]
    #[case::direct(None, json!({"appid": OWN, "mchid": "1900000001"}), "mchid=1900000001")]
    #[case::provider(
        Some(("1900000109", None)),
        json!({"sp_appid": OWN, "sp_mchid": "1900000001", "sub_mchid": "1900000109"}),
        "sp_mchid=1900000001&sub_mchid=1900000109"
    )]
    #[case::sub(
        Some(("1900000109", Some("wxsub"))),
        json!({"sp_appid": OWN, "sp_mchid": "1900000001", "sub_appid": "wxsub", "sub_mchid": "1900000109"}),
        "sp_mchid=1900000001&sub_mchid=1900000109"
    )]
    fn an_account_names_itself(
        #[case] partner: Option<(&str, Option<&str>)>,
        #[case] owner: Value,
        #[case] query: &str,
    ) {
        let account = account(partner);
        assert_eq!(serde_json::to_value(account.owner()).expect("members"), owner);
        assert_eq!(account.query(), query);
        // What it says of itself is what it believes of itself.
        assert_eq!(account.owner().merchant_id().as_deref(), Some(account.merchant_id()));
        assert_eq!(account.named_app(&account.owner()).as_deref(), Some(account.app_id()));
    }
}
