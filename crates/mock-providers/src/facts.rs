//! Everything a tester needs to know to act as merchant: addresses, ids and keys of both sides.

use std::{fmt, net::SocketAddr};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    alipay::{AlipayApp, AlipayKeys},
    keys::AgencyKeys,
    sms,
};

/// Where the mock listens, as addresses.
pub(crate) fn wechat_urls(addresses: Addresses) -> [String; 2] {
    [addresses.wechat, addresses.wechat_backup].map(|address| format!("http://{address}"))
}

/// What the WeChat mock and its merchant hold. Keys and certificates are PEM.
#[derive(Clone)]
pub struct WechatFacts {
    pub base_url: String,
    /// The same at the backup host's address.
    pub backup_url: String,
    pub app_id: String,
    pub app_secret: String,
    pub mchid: String,
    pub apiv3_key: String,
    pub merchant_serial: String,
    pub merchant_key: String,
    pub merchant_cert: String,
    pub platform_serial: String,
    pub platform_cert: String,
    pub platform_key: String,
    pub public_key_id: String,
    pub public_key: String,
    pub public_key_private: String,
}

/// What the Alipay mock and its merchant hold. Keys and certificates are PEM.
#[derive(Clone)]
pub struct AlipayFacts {
    pub gateway: String,
    pub app_id: String,
    pub seller_id: String,
    pub app_private_key: String,
    pub app_public_key: String,
    pub alipay_private_key: String,
    pub alipay_public_key: String,
    /// The key that signs after a change (`alipay_signer`).
    pub alipay_next_private_key: String,
    pub alipay_next_public_key: String,
    /// Certificate mode (公钥证书模式), as the console hands the three files out.
    pub app_cert: String,
    pub alipay_cert: String,
    pub alipay_root_cert: String,
    /// What `alipay.open.app.alipaycert.download` gives after a change.
    pub alipay_next_cert: String,
    pub app_cert_sn: String,
    pub alipay_cert_sn: String,
    pub alipay_next_cert_sn: String,
    pub alipay_root_cert_sn: String,
    /// Another certificate of the present key (`alipay_signer` `renewed`).
    pub alipay_renewed_cert: Option<String>,
    pub alipay_renewed_cert_sn: Option<String>,
    /// 16 bytes in base64, for content encryption and phone numbers.
    pub aes_key: String,
    /// Another merchant at the same gateway; absent in folders of before there was one.
    pub second: Option<AlipayAppFacts>,
}

/// An application of Alipay and its collecting account. Keys and certificates are PEM.
#[derive(Clone)]
pub struct AlipayAppFacts {
    pub app_id: String,
    pub seller_id: String,
    pub app_private_key: String,
    pub app_public_key: String,
    pub app_cert: String,
    pub app_cert_sn: String,
    pub aes_key: String,
}

impl AlipayAppFacts {
    fn of(app: &AlipayApp) -> AlipayAppFacts {
        AlipayAppFacts {
            app_id: app.app_id.clone(),
            seller_id: app.seller_id.clone(),
            app_private_key: app.pair.private_pem.clone(),
            app_public_key: app.pair.public_pem.clone(),
            app_cert: app.certificate.pem.clone(),
            app_cert_sn: app.certificate.sn.clone(),
            aes_key: BASE64.encode(app.aes_key),
        }
    }
}

/// What the agency mock and the institution hold.
#[derive(Clone)]
pub struct AgencyFacts {
    pub base_url: String,
    pub institution: String,
    pub secret: String,
}

/// The sender of short messages.
#[derive(Clone)]
pub struct SmsFacts {
    pub url: String,
    pub token: String,
}

/// All of it. Keys of a mock open nothing real, and still nothing here prints.
#[derive(Clone)]
pub struct Facts {
    pub wechat: WechatFacts,
    /// Further merchants of WeChat, when there are any.
    pub wechat_others: Vec<WechatFacts>,
    pub alipay: AlipayFacts,
    pub agency: AgencyFacts,
    pub sms: SmsFacts,
    pub control_url: String,
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Facts({}, {}, ***)", self.wechat.base_url, self.alipay.gateway)
    }
}

/// Where the servers listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub wechat: SocketAddr,
    pub wechat_backup: SocketAddr,
    pub alipay: SocketAddr,
    pub agency: SocketAddr,
    pub control: SocketAddr,
}

impl Facts {
    /// `wechat` are the facts of its merchants, the first one first.
    pub(crate) fn new(
        wechat: Vec<WechatFacts>,
        alipay: &AlipayKeys,
        agency: &AgencyKeys,
        addresses: Addresses,
    ) -> Option<Facts> {
        let mut wechat = wechat.into_iter();
        let first = AlipayAppFacts::of(&alipay.first);
        Some(Facts {
            wechat: wechat.next()?,
            wechat_others: wechat.collect(),
            alipay: AlipayFacts {
                gateway: format!("http://{}/gateway.do", addresses.alipay),
                alipay_private_key: alipay.present.pair.private_pem.clone(),
                alipay_public_key: alipay.present.pair.public_pem.clone(),
                alipay_next_private_key: alipay.next.pair.private_pem.clone(),
                alipay_next_public_key: alipay.next.pair.public_pem.clone(),
                alipay_cert: alipay.present.certificate.pem.clone(),
                alipay_root_cert: alipay.roots.clone(),
                alipay_next_cert: alipay.next.certificate.pem.clone(),
                alipay_cert_sn: alipay.present.certificate.sn.clone(),
                alipay_next_cert_sn: alipay.next.certificate.sn.clone(),
                alipay_renewed_cert: alipay.renewed.as_ref().map(|renewed| renewed.pem.clone()),
                alipay_renewed_cert_sn: alipay.renewed.as_ref().map(|renewed| renewed.sn.clone()),
                alipay_root_cert_sn: alipay.root_sn.clone(),
                second: alipay.second.as_deref().map(AlipayAppFacts::of),
                app_id: first.app_id,
                seller_id: first.seller_id,
                app_private_key: first.app_private_key,
                app_public_key: first.app_public_key,
                app_cert: first.app_cert,
                app_cert_sn: first.app_cert_sn,
                aes_key: first.aes_key,
            },
            agency: AgencyFacts {
                base_url: format!("http://{}", addresses.agency),
                institution: agency.institution.clone(),
                secret: agency.secret.clone(),
            },
            sms: SmsFacts {
                url: format!("http://{}/sms/send", addresses.control),
                token: sms::token(&agency.secret),
            },
            control_url: format!("http://{}", addresses.control),
        })
    }

    /// Every merchant of WeChat, the first one first.
    pub fn merchants(&self) -> impl Iterator<Item = &WechatFacts> {
        std::iter::once(&self.wechat).chain(&self.wechat_others)
    }

    /// The same with other facts of WeChat's merchants.
    pub(crate) fn with_wechat(&self, wechat: Vec<WechatFacts>) -> Facts {
        let mut facts = self.clone();
        let mut wechat = wechat.into_iter();
        if let Some(first) = wechat.next() {
            facts.wechat = first;
        }
        facts.wechat_others = wechat.collect();
        facts
    }
}
