//! Whence a request comes: the peer's address, or what the operator's own proxies say of it.
//!
//! Behind a proxy every request has the proxy's address, so one citizen who is stopped would stop all.
//! A proxy adds the address that it saw to the end of `X-Forwarded-For`; what stands before was said by
//! whoever asked. So the header is read from its end, only as far as it was written by proxies that the
//! configuration names, and not at all when none is named.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};

use crate::Api;

const FORWARDED: &str = "x-forwarded-for";
/// More proxies in a row than anybody has; what stands before them is not looked at.
const HOPS_MAX: usize = 16;

/// A network of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: u128,
    /// Of 128; a network of version 4 has 96 more.
    prefix: u32,
}

/// All addresses in one form: those of version 4 as version 6 writes them.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let differing = self.address ^ bits(address);
        self.prefix == 0 || differing >> (128 - self.prefix) == 0
    }
}

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Network, String> {
        let wrong = || format!("{text:?} is no address and no network such as 10.0.0.0/8");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let (most, added) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let length = match length {
            Some(length) => length.parse().ok().filter(|length| *length <= most),
            None => Some(most),
        };
        Ok(Network { address: bits(address), prefix: length.ok_or_else(wrong)? + added })
    }
}

/// The operator's own proxies, whose word about an address is taken. None, unless named.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[Network]>);

impl TrustedProxies {
    /// Reads addresses and networks.
    ///
    /// # Errors
    /// The first that is none, in a sentence.
    pub fn read<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<TrustedProxies, String> {
        let networks = networks.into_iter().map(|text| text.trim().parse());
        Ok(TrustedProxies(networks.collect::<Result<Vec<_>, _>>()?.into()))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The address nearest to us that is no proxy of ours.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = plain(peer);
        // Several headers are one list, in their order.
        let lists: Vec<&str> =
            headers.get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok()).collect();
        let hops = lists.iter().rev().flat_map(|list| list.rsplit(','));
        for hop in hops.take(HOPS_MAX) {
            if !self.trusts(nearest) {
                break;
            }
            // A proxy of ours that wrote something else has said nothing.
            let Some(address) = address_in(hop) else { break };
            nearest = plain(address);
        }
        nearest
    }
}

/// `192.0.2.1`, and as some proxies write it `192.0.2.1:4711`, `[2001:db8::1]:4711` or `[2001:db8::1]`.
fn address_in(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    hop.parse()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| bare().map(IpAddr::V6))
}

/// Version 4 that came over a socket of version 6 is version 4.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from(v4.octets())),
    }
}

/// The address of whoever asks, where the server knows it. Counted by the limits, and told to channels,
/// which want the payer's.
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl FromRequestParts<Api> for ClientAddress {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Ok(ClientAddress(peer.map(|peer| api.proxies.client(peer, &parts.headers))))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::none_is_trusted(&[], "10.0.0.1", &["198.51.100.7"], "10.0.0.1")]
    #[case::of_a_stranger(&["10.0.0.0/8"], "192.0.2.9", &["198.51.100.7"], "192.0.2.9")]
    #[case::behind_one(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7"], "198.51.100.7")]
    #[case::what_was_said_before(&["10.0.0.1"], "10.0.0.1", &["1.1.1.1, 198.51.100.7"], "198.51.100.7")]
    #[case::behind_two(&["10.0.0.0/8"], "10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"], "198.51.100.7")]
    #[case::two_headers(&["10.0.0.0/8"], "10.0.0.1", &["1.1.1.1", "198.51.100.7"], "198.51.100.7")]
    #[case::only_proxies(&["10.0.0.0/8"], "10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3")]
    #[case::nothing_said(&["10.0.0.0/8"], "10.0.0.1", &[], "10.0.0.1")]
    #[case::nonsense(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7, unknown"], "10.0.0.1")]
    #[case::with_a_port(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7")]
    #[case::version_6(&["fd00::/8"], "fd00::1", &["[2001:db8::7]:4711"], "2001:db8::7")]
    #[case::mapped(&["127.0.0.1"], "::ffff:127.0.0.1", &["198.51.100.7"], "198.51.100.7")]
    #[case::everything(&["0.0.0.0/0"], "192.0.2.9", &["198.51.100.7"], "198.51.100.7")]
    fn the_nearest_address_that_is_no_proxy_of_ours_counts(
        #[case] trusted: &[&str],
        #[case] peer: &str,
        #[case] forwarded: &[&str],
        #[case] client: &str,
    ) {
        let proxies = TrustedProxies::read(trusted.iter().copied()).expect("networks");
        let mut headers = HeaderMap::new();
        for list in forwarded {
            headers.append(FORWARDED, list.parse().expect("a header"));
        }
        let told = proxies.client(peer.parse().expect("an address"), &headers);
        assert_eq!(told.to_string(), client);
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("10.0.0.0/")]
    #[case("localhost")]
    #[case("")]
    fn what_is_no_network_is_refused(#[case] text: &str) {
        assert!(TrustedProxies::read([text]).is_err());
    }
}
