//! Where the pay API is: the host that is asked first, and the other access point (跨城冗灾), which takes
//! over when the first cannot be reached or its gateway has nobody behind it. The host is part of no
//! signature, so the other one gets the same request to the byte.

use reqwest::StatusCode;
use url::{Position, Url};

use crate::{ChannelError, SetupError, setup};

/// The names under which one and the same pay API answers.
const NAMES: [&str; 4] =
    ["api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "api.wechatpay.cn", "api2.wechatpay.cn"];

pub(super) struct Hosts {
    first: Url,
    other: Option<Url>,
}

fn is_wechats(url: &Url) -> bool {
    url.scheme() == "https"
        && url.port_or_known_default() == Some(443)
        && url.host_str().is_some_and(|name| NAMES.contains(&name))
}

/// Whether an answer says that there is nobody behind the gateway: the other access point may have
/// somebody.
pub(super) const fn nobody_is_there(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE)
}

impl Hosts {
    pub(super) fn read(first: &str, other: Option<&str>) -> Result<Hosts, SetupError> {
        let other = other.map(|url| setup::host("backup_base_url", url)).transpose()?;
        Ok(Hosts { first: setup::host("base_url", first)?, other })
    }

    pub(super) const fn first(&self) -> &Url {
        &self.first
    }

    /// The same call at each host, in the order in which they are tried.
    pub(super) fn call(&self, target: &str) -> Result<(Url, Option<Url>), ChannelError> {
        let no_path = |_| ChannelError::BadRequest("the call's path is no path");
        let url = self.first.join(target).map_err(no_path)?;
        let other = self.other.as_ref().map(|host| host.join(&url[Position::BeforePath..]));
        Ok((url, other.transpose().map_err(no_path)?))
    }

    /// Where a file is that the pay API offers at `address`: there, and under the same path at each of
    /// our hosts. `None`: at somebody else's.
    pub(super) fn file(&self, address: &str) -> Option<Vec<Url>> {
        let url = Url::parse(address).ok()?;
        let ours = || std::iter::once(&self.first).chain(&self.other);
        let known = ours().any(|host| host.origin() == url.origin())
            || (is_wechats(&url) && ours().any(is_wechats));
        if !known || setup::has_user(&url) {
            return None;
        }
        let mut places = vec![url.clone()];
        for host in ours() {
            let place = host.join(&url[Position::BeforePath..Position::AfterQuery]).ok()?;
            if places.iter().all(|known| known.origin() != place.origin()) {
                places.push(place);
            }
        }
        Some(places)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const FIRST: &str = "https://api.mch.weixin.qq.com";
    const OTHER: &str = "https://api2.mch.weixin.qq.com";
    const FILE: &str = "/v3/billdownload/file?token=abc&tartype=gzip";

    #[rstest]
    #[case::as_offered(FIRST, Some(OTHER), FIRST, &[FIRST, OTHER])]
    #[case::by_the_other(FIRST, Some(OTHER), OTHER, &[OTHER, FIRST])]
    #[case::alone(FIRST, None, FIRST, &[FIRST])]
    #[case::under_another_name("https://api.wechatpay.cn", Some("https://api2.wechatpay.cn"), FIRST,
        &[FIRST, "https://api.wechatpay.cn", "https://api2.wechatpay.cn"])]
    #[case::a_mock("http://127.0.0.1:1", Some("http://127.0.0.1:2"), "http://127.0.0.1:2",
        &["http://127.0.0.1:2", "http://127.0.0.1:1"])]
    fn a_file_is_at_the_host_that_offers_it_and_at_ours(
        #[case] first: &str,
        #[case] other: Option<&str>,
        #[case] offered: &str,
        #[case] places: &[&str],
    ) {
        let hosts = Hosts::read(first, other).expect("hosts");
        let found = hosts.file(&format!("{offered}{FILE}")).expect("ours");
        let found: Vec<String> = found.iter().map(Url::to_string).collect();
        assert_eq!(found, places.iter().map(|place| format!("{place}{FILE}")).collect::<Vec<_>>());
    }

    #[rstest]
    #[case(FIRST, "https://elsewhere.example/v3/billdownload/file")]
    #[case(FIRST, "http://api.mch.weixin.qq.com/v3/billdownload/file")]
    #[case(FIRST, "https://api.mch.weixin.qq.com:8443/v3/billdownload/file")]
    #[case(FIRST, "https://user@api.mch.weixin.qq.com/v3/billdownload/file")]
    #[case::the_real_one_from_a_mock(
        "http://127.0.0.1:1",
        "https://api.mch.weixin.qq.com/v3/billdownload/file"
    )]
    #[case(FIRST, "/v3/billdownload/file")]
    #[case(FIRST, "")]
    fn nobody_elses_file_is_fetched(#[case] first: &str, #[case] address: &str) {
        assert!(Hosts::read(first, None).expect("hosts").file(address).is_none());
    }
}
