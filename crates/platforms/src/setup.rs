//! Why an account cannot be built from its configuration, and the rules that all settings share.

use url::{Host, Url};

/// A setting that cannot work. Names the setting and the problem, never the setting's content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct SetupError {
    setting: String,
    problem: &'static str,
}

impl SetupError {
    pub(crate) fn setting(&self) -> &str {
        &self.setting
    }

    pub(crate) const fn problem(&self) -> &'static str {
        self.problem
    }

    pub(crate) fn new(setting: impl Into<String>, problem: &'static str) -> SetupError {
        SetupError { setting: setting.into(), problem }
    }
}

/// An address that calls go to. Plain HTTP is for mocks on this machine only: a mini-program's
/// secret travels in the query string, and an answer's confidentiality rests on TLS alone.
pub(crate) fn endpoint(setting: &str, text: &str) -> Result<Url, SetupError> {
    let url = Url::parse(text).map_err(|_| SetupError::new(setting, "not an absolute URL"))?;
    let secured = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if !secured {
        return Err(SetupError::new(
            setting,
            "must begin with https:// (http:// for loopback only)",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() || has_user(&url) {
        return Err(SetupError::new(setting, "must not have a query, a fragment or a user name"));
    }
    Ok(url)
}

/// As [`endpoint`], without a path: the path is signed, so nothing may stand before it.
pub(crate) fn host(setting: &str, text: &str) -> Result<Url, SetupError> {
    let url = endpoint(setting, text)?;
    if url.path() != "/" {
        return Err(SetupError::new(setting, "must not have a path"));
    }
    Ok(url)
}

/// A platform's number or name for an account: letters and digits, so that it needs no encoding
/// anywhere.
pub(crate) fn identifier(setting: &str, text: String) -> Result<String, SetupError> {
    let fits = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if fits {
        Ok(text)
    } else {
        Err(SetupError::new(setting, "must be 1 to 32 letters and digits"))
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

pub(crate) fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://api.mch.weixin.qq.com", true)]
    #[case("https://api.mch.weixin.qq.com/", true)]
    #[case("http://127.0.0.1:9001", true)]
    #[case("http://[::1]:9001", true)]
    #[case("http://localhost:9001", true)]
    #[case("http://api.mch.weixin.qq.com", false)]
    #[case("http://127.0.0.1.example.com", false)]
    #[case("https://user@api.mch.weixin.qq.com", false)]
    #[case("https://api.mch.weixin.qq.com/prefix", false)]
    #[case("https://api.mch.weixin.qq.com?a=b", false)]
    #[case("api.mch.weixin.qq.com", false)]
    #[case("", false)]
    fn only_secured_hosts_are_called(#[case] text: &str, #[case] accepted: bool) {
        assert_eq!(host("base_url", text).is_ok(), accepted, "{text}");
    }
}
