//! Ways into City Service (城市服务, `getservicepath`): a path that a mini-program, an official account
//! or a text message jumps to, for instance back to the page from which the citizen came.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{MiniProgramError, WechatMiniProgram, error::content};

/// Parameters that City Service hands through to the page of a third party.
const PARAMETERS_MAX: usize = 10;

/// Which page. Cities go by their prefecture-level name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CityPage {
    /// One service's own page (服务主页).
    Service {
        service_id: String,
    },
    /// The city's first page.
    Home {
        city: String,
    },
    HealthCode,
    /// A topic's page (专题页).
    Topic {
        city: String,
        topic: String,
    },
    /// A list of services (服务列表页), narrowed by a word.
    List {
        city: String,
        keyword: Option<String>,
    },
}

/// From where the citizen jumps (`src_channel`), as the Chinese manual counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CityPathSource {
    OfficialAccount,
    MiniProgram,
    TextMessage,
    Other,
    DeviceMaker,
}

impl CityPathSource {
    const fn number(self) -> u8 {
        match self {
            CityPathSource::OfficialAccount => 0,
            CityPathSource::MiniProgram => 1,
            CityPathSource::TextMessage => 2,
            CityPathSource::Other => 3,
            CityPathSource::DeviceMaker => 5,
        }
    }
}

/// What to jump to.
#[derive(Clone)]
pub struct CityPathRequest {
    pub page: CityPage,
    pub source: CityPathSource,
    /// Handed through, ten at most. The name `city` is WeChat's: its value is a city's Chinese name.
    pub parameters: BTreeMap<String, String>,
}

impl fmt::Debug for CityPathRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CityPathRequest")
            .field("page", &self.page)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// What `wx.navigateToMiniProgram` needs to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CityPath {
    pub app_id: String,
    /// The original id (`gh_…`).
    pub username: Option<String>,
    pub path: String,
    /// Without the question mark; may be empty.
    pub query: String,
}

#[derive(Serialize)]
struct Pair<'a> {
    key: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Asked<'a> {
    page_type: u8,
    src_channel: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    city_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ext_params: Vec<Pair<'a>>,
    /// JSON inside a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<String>,
}

fn is_text(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.chars().count())
        && !text.trim().is_empty()
        && !text.chars().any(char::is_control)
}

impl CityPathRequest {
    fn asked(&self) -> Result<Asked<'_>, MiniProgramError> {
        let no = |rule| Err(MiniProgramError::BadRequest(rule));
        let mut asked = Asked {
            page_type: 0,
            src_channel: self.source.number(),
            city_name: None,
            content_name: None,
            service_id: None,
            ext_params: Vec::new(),
            params: None,
        };
        let (page_type, city) = match &self.page {
            CityPage::Service { service_id } => {
                asked.service_id = Some(service_id);
                (0, None)
            }
            CityPage::Home { city } => (1, Some(city)),
            CityPage::HealthCode => (2, None),
            CityPage::Topic { city, topic } => {
                asked.content_name = Some(topic);
                (3, Some(city))
            }
            CityPage::List { city, keyword } => {
                let keyword = keyword.iter();
                asked.ext_params = keyword.map(|value| Pair { key: "keyword", value }).collect();
                (5, Some(city))
            }
        };
        asked.page_type = page_type;
        asked.city_name = city.map(String::as_str);
        let texts = [asked.city_name, asked.content_name, asked.service_id];
        let keywords = asked.ext_params.iter().map(|pair| pair.value);
        if !texts.into_iter().flatten().chain(keywords).all(|text| is_text(text, 64)) {
            return no("city, topic, service and keyword: 1 to 64 characters");
        }
        let parameters = &self.parameters;
        let fits = |(key, value): (&String, &String)| is_text(key, 64) && is_text(value, 256);
        if parameters.len() > PARAMETERS_MAX || !parameters.iter().all(fits) {
            return no("parameters: ten at most, names of 64 and values of 256 characters");
        }
        if !parameters.is_empty() {
            let pairs: Vec<Pair<'_>> =
                parameters.iter().map(|(key, value)| Pair { key, value }).collect();
            let Ok(text) = serde_json::to_string(&pairs) else {
                return no("parameters: cannot be written as JSON");
            };
            asked.params = Some(text);
        }
        Ok(asked)
    }
}

impl WechatMiniProgram {
    /// The way to a page of City Service. Retry class: idempotent.
    ///
    /// # Errors
    /// [`MiniProgramError`]
    pub async fn city_path(&self, request: &CityPathRequest) -> Result<CityPath, MiniProgramError> {
        #[derive(Deserialize)]
        struct Target {
            app_id: String,
            username: Option<String>,
        }
        #[derive(Deserialize)]
        struct Built {
            path: String,
            #[serde(default)]
            query_string: String,
            business_type: Target,
        }
        let asked = request.asked()?;
        let judge = |answer: &_| {
            let built: Built = content(answer)?;
            let target = built.business_type;
            if built.path.is_empty() || target.app_id.is_empty() {
                return Err(MiniProgramError::unknown("a way that leads nowhere"));
            }
            Ok(CityPath {
                app_id: target.app_id,
                username: target.username,
                path: built.path,
                query: built.query_string,
            })
        };
        self.application.call("city_path", "/cityservice/getservicepath", &asked, judge).await
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn request(page: CityPage) -> CityPathRequest {
        let parameters = [("city".to_owned(), "广州".to_owned())].into();
        CityPathRequest { page, source: CityPathSource::MiniProgram, parameters }
    }

    fn city() -> String {
        "广州".to_owned()
    }

    #[rstest]
    #[case(CityPage::Service { service_id: "S1".into() }, r#""page_type":0,"src_channel":1,"service_id":"S1""#)]
    #[case(CityPage::Home { city: city() }, r#""page_type":1,"src_channel":1,"city_name":"广州""#)]
    #[case(CityPage::HealthCode, r#""page_type":2,"src_channel":1"#)]
    #[case(CityPage::Topic { city: city(), topic: "社保".into() }, r#""page_type":3,"src_channel":1,"city_name":"广州","content_name":"社保""#)]
    #[case(CityPage::List { city: city(), keyword: Some("社保".into()) }, r#""page_type":5,"src_channel":1,"city_name":"广州","ext_params":[{"key":"keyword","value":"社保"}]"#)]
    fn pages_are_written_as_the_manual_numbers_them(#[case] page: CityPage, #[case] body: &str) {
        let request = request(page);
        let written = serde_json::to_string(&request.asked().expect("asked")).expect("JSON");
        let params = r#""params":"[{\"key\":\"city\",\"value\":\"广州\"}]""#;
        assert_eq!(written, format!("{{{body},{params}}}"));
    }

    #[rstest]
    #[case(CityPage::Home { city: " ".into() })]
    #[case(CityPage::Home { city: String::new() })]
    #[case(CityPage::Service { service_id: "x".repeat(65) })]
    #[case(CityPage::List { city: city(), keyword: Some(String::new()) })]
    fn what_the_manual_requires_is_there(#[case] page: CityPage) {
        assert!(matches!(request(page).asked(), Err(MiniProgramError::BadRequest(_))));
    }

    #[test]
    fn eleven_parameters_are_too_many() {
        let mut request = request(CityPage::HealthCode);
        request.parameters = (0..10).map(|n| (format!("k{n}"), "v".to_owned())).collect();
        assert!(request.asked().is_ok());
        request.parameters.insert("k10".to_owned(), "v".to_owned());
        assert!(request.asked().is_err());
    }
}
