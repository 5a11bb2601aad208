//! A citizen's telephone number (`getuserphonenumber`), by the code of the button with
//! `open-type="getPhoneNumber"`. That code is another one than `wx.login`'s.

use std::fmt;

use kernel::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{MiniProgramError, MiniProgramRefused, WechatMiniProgram, error::content};
use crate::login::{is_code, is_platform_id};

/// A number that WeChat has verified. `Debug` does not print it.
#[derive(Clone)]
pub struct WechatPhoneNumber {
    /// With the country's prefix when it is a foreign one.
    pub number: Secret,
    /// Without any prefix.
    pub pure_number: Secret,
    /// `86` for China.
    pub country_code: String,
}

impl fmt::Debug for WechatPhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WechatPhoneNumber(+{}, ***)", self.country_code)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    phone_number: String,
    pure_phone_number: String,
    /// A number in the manual's example, a text in its table.
    country_code: Value,
    watermark: Watermark,
}

#[derive(Deserialize)]
struct Watermark {
    appid: String,
}

#[derive(Deserialize)]
struct Told {
    phone_info: Info,
}

impl Info {
    fn number(self, app_id: &str) -> Result<WechatPhoneNumber, MiniProgramError> {
        if self.watermark.appid != app_id {
            return Err(MiniProgramError::unknown("the number is for another application"));
        }
        let country_code = match self.country_code {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let digits = |text: &str, max: usize| {
            (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
        };
        let whole = self.phone_number.trim_start_matches('+').replace([' ', '-'], "");
        let fits = digits(&country_code, 4)
            && digits(&self.pure_phone_number, 20)
            && digits(&whole, 24)
            && whole.ends_with(&self.pure_phone_number);
        fits.then(|| WechatPhoneNumber {
            number: Secret::new(self.phone_number),
            pure_number: Secret::new(self.pure_phone_number),
            country_code,
        })
        .ok_or_else(|| MiniProgramError::unknown("the number has an unknown form"))
    }
}

impl WechatMiniProgram {
    /// The number of the person `openid` that `code` stands for. The openid goes along, so that a
    /// code of somebody else's telephone gives nothing.
    ///
    /// Retry class: never. A code is good once and for five minutes; after any doubt the citizen
    /// presses the button again.
    ///
    /// # Errors
    /// [`MiniProgramError`]; [`MiniProgramRefused::Code`] for a code that is over, or never was one.
    pub async fn phone_number(
        &self,
        code: &str,
        openid: &str,
    ) -> Result<WechatPhoneNumber, MiniProgramError> {
        #[derive(Serialize)]
        struct Asked<'a> {
            code: &'a str,
            openid: &'a str,
        }
        if !is_code(code) {
            return Err(MiniProgramError::Refused(MiniProgramRefused::Code));
        }
        if !is_platform_id(openid) {
            return Err(MiniProgramError::BadRequest("openid: 1 to 128 characters"));
        }
        let asked = Asked { code, openid };
        let path = "/wxa/business/getuserphonenumber";
        let app_id = self.application.account.app_id();
        let judge = |answer: &_| content::<Told>(answer)?.phone_info.number(app_id);
        self.application.call("phone_number", path, &asked, judge).await
    }
}
