//! The message channel of City Service (消息通路, `sendmsgdata`): a card about one order in the list of
//! the citizen's services. It wants the token of the official account that was granted the channel,
//! and the citizen's openid in the mini-program.

use std::{collections::BTreeMap, fmt, sync::Arc};

use kernel::{Clock, Entropy};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Application, MiniProgramError, TokenStore, account::Account, error::content};
use crate::{SetupError, login::is_platform_id, wechat::WechatLoginConfig};

/// The official account (公众号) that stands beside a mini-program. It has an appid, an AppSecret and
/// a token of its own.
pub struct WechatOfficialAccount {
    application: Application,
}

impl WechatOfficialAccount {
    /// As [`super::WechatMiniProgram::new`], with the official account's appid and AppSecret.
    ///
    /// # Errors
    /// [`SetupError`] names the setting that cannot work.
    pub fn new(
        config: WechatLoginConfig,
        store: Arc<dyn TokenStore>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> Result<WechatOfficialAccount, SetupError> {
        let account = Arc::new(Account::new(config, Arc::clone(&clock))?);
        let application = Application::new(account, store, clock, entropy);
        Ok(WechatOfficialAccount { application })
    }
}

impl fmt::Debug for WechatOfficialAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WechatOfficialAccount({})", self.application.account.app_id())
    }
}

/// One value on a card.
#[derive(Clone, Serialize)]
pub struct CityCardWord {
    pub value: String,
    /// Such as `#173177`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
}

impl CityCardWord {
    pub fn plain(value: impl Into<String>) -> CityCardWord {
        CityCardWord { value: value.into(), color: None }
    }
}

/// A card about one order. `Debug` prints neither the citizen nor the words.
#[derive(Clone, Serialize)]
pub struct CityCard {
    /// The citizen's openid in the mini-program, not in the official account.
    pub openid: String,
    #[serde(rename = "biz_template_id")]
    pub template_id: String,
    /// Cards with the same number become one card.
    pub order_no: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_page_style_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deal_msg_style_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_style_id: Option<String>,
    /// `first`, `keynote1` …, `keyword1` …, `remark`.
    #[serde(rename = "data")]
    pub words: BTreeMap<String, CityCardWord>,
}

impl fmt::Debug for CityCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CityCard({}, {}, ***)", self.template_id, self.order_no)
    }
}

fn is_key(key: &str) -> bool {
    let numbered = key.strip_prefix("keynote").or_else(|| key.strip_prefix("keyword"));
    let is_number = |n: &str| (1..=2).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
    key == "first" || key == "remark" || numbered.is_some_and(is_number)
}

fn is_color(text: &str) -> bool {
    let digits = text.strip_prefix('#');
    digits.is_some_and(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))
}

impl CityCard {
    fn check(&self) -> Result<(), MiniProgramError> {
        let no = |rule| Err(MiniProgramError::BadRequest(rule));
        let styles = [&self.result_page_style_id, &self.deal_msg_style_id, &self.card_style_id];
        let names = [&self.openid, &self.template_id, &self.order_no];
        let names = names.into_iter().chain(styles.into_iter().flatten());
        if !names.into_iter().all(|name| is_platform_id(name)) {
            return no("openid, template, order and styles: 1 to 128 visible characters");
        }
        let is_url = |url: &str| url.len() <= 1024 && Url::parse(url).is_ok();
        if !self.url.as_deref().is_none_or(is_url) {
            return no("url: an absolute URL");
        }
        // How long a word may be is not published.
        let word_fits = |word: &CityCardWord| {
            (1..=200).contains(&word.value.chars().count())
                && word.color.as_deref().is_none_or(is_color)
        };
        let words = &self.words;
        if words.is_empty() || !words.iter().all(|(key, word)| is_key(key) && word_fits(word)) {
            return no(
                "words: first, keynote1 …, keyword1 …, remark; 1 to 200 characters, #RRGGBB",
            );
        }
        Ok(())
    }
}

impl WechatOfficialAccount {
    /// Sends a card, and answers the page that the citizen's client is to be led to (`result_page_url`),
    /// when there is one.
    ///
    /// Retry class: idempotent. Cards about the same order become one; the citizen may be told twice.
    ///
    /// # Errors
    /// [`MiniProgramError`]
    pub async fn send_card(&self, card: &CityCard) -> Result<Option<Url>, MiniProgramError> {
        #[derive(Deserialize)]
        struct Sent {
            result_page_url: Option<String>,
        }
        card.check()?;
        let judge = |answer: &_| {
            let sent: Sent = content(answer)?;
            let Some(page) = sent.result_page_url.filter(|page| !page.is_empty()) else {
                return Ok(None);
            };
            // It is handed to clients, so nothing but a page may come this way.
            let page = Url::parse(&page).ok().filter(|page| page.scheme() == "https");
            let form = || MiniProgramError::unknown("the result page has an unknown form");
            page.map(Some).ok_or_else(form)
        };
        self.application.call("city_card", "/cityservice/sendmsgdata", card, judge).await
    }
}
