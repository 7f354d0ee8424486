//! Endpoints that have no name for each bucket.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether the endpoint's host is `localhost` or a name below it.
#[must_use]
pub fn is_local(endpoint: &str) -> bool {
    let host = host(endpoint).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// Whether S3 at this endpoint has to be addressed by path: on localhost and on an IP address a bucket
/// has no host name. The SDK knows it of IP addresses by itself, but not where the bucket's name has dots.
#[must_use]
pub fn needs_path_style(endpoint: &str) -> bool {
    let host = host(endpoint);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    is_local(endpoint) || bare.parse::<Ipv4Addr>().is_ok() || bare.parse::<Ipv6Addr>().is_ok()
}

/// The host of a URL, an IPv6 address with its brackets.
fn host(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.find(']') {
        Some(end) => host.get(..=end).unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_and_addresses_need_path_style() {
        let table = [
            ("http://localhost:4566", true, true),
            ("http://LOCALHOST:4566/", true, true),
            ("http://s3.localhost", true, true),
            ("http://127.0.0.1:4566", false, true),
            ("https://10.1.2.3", false, true),
            ("http://[::1]:4566/x", false, true),
            ("http://user@10.1.2.3:80", false, true),
            ("http://localhost.example.com:80", false, false),
            ("http://user@example.com:80", false, false),
            ("https://10.1.2.3.example.com", false, false),
            ("https://s3.us-west-2.amazonaws.com", false, false),
            ("", false, false),
        ];
        for (url, local, path_style) in table {
            assert_eq!(is_local(url), local, "{url}");
            assert_eq!(needs_path_style(url), path_style, "{url}");
        }
    }
}
