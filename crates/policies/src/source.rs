//! The pages that figures and facts come from, and which of them people may be sent to.

/// Addresses of pages. Some are there for whoever checks the files only: mirrors of a notice whose own
/// address nobody knows, on sites that have nothing to do with it. So people get what
/// [`crate::Catalogue::links`] leaves, and nothing else gives out an address for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<String>);

impl Sources {
    pub(crate) fn new(addresses: Vec<String>) -> Sources {
        Sources(addresses)
    }

    /// All addresses, those for us alone among them: to check the files, not to show to people.
    pub fn all(&self) -> &[String] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Sites whose pages are for us alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct InternalHosts(Vec<String>);

impl InternalHosts {
    /// From what a file lists. Each must be a bare name: `www.example.com` names itself and whatever
    /// stands below it.
    pub(crate) fn new(hosts: Vec<String>) -> InternalHosts {
        InternalHosts(hosts)
    }

    /// What is no bare name in small letters.
    pub(crate) fn odd(&self) -> impl Iterator<Item = &String> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
        self.0.iter().filter(move |host| host.is_empty() || !host.bytes().all(plain))
    }

    pub(crate) fn holds(&self, address: &str) -> bool {
        let address = address.to_ascii_lowercase();
        let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        self.0.iter().any(|internal| {
            host == internal
                || host.strip_suffix(internal.as_str()).is_some_and(|sub| sub.ends_with('.'))
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("http://mirror.example/doc/1.shtml", true)]
    #[case("https://MIRROR.example:8080?x", true)]
    #[case("http://www.mirror.example/", true)]
    #[case("http://user@mirror.example/", true)]
    #[case("http://othermirror.example/", false)]
    #[case("http://mirror.example.org/", false)]
    #[case("http://example.org/mirror.example", false)]
    fn a_host_is_known_by_its_name(#[case] address: &str, #[case] internal: bool) {
        let hosts = InternalHosts::new(vec!["mirror.example".to_owned()]);
        assert_eq!(hosts.holds(address), internal);
    }

    #[rstest]
    #[case("mirror.example", true)]
    #[case("http://mirror.example", false)]
    #[case("mirror.example/doc", false)]
    #[case("Mirror.example", false)]
    #[case("", false)]
    fn only_bare_names_are_listed(#[case] host: &str, #[case] plain: bool) {
        let hosts = InternalHosts::new(vec![host.to_owned()]);
        assert_eq!(hosts.odd().count() == 0, plain);
    }
}
