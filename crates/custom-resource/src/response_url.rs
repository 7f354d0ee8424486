//! Where the answer goes: a URL that somebody else chose, and that is a secret.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The DNS suffixes of AWS's partitions, as the AWS SDKs' endpoint rules have them (`aws` and
/// `aws-us-gov`, `aws-cn`, `aws-eusc`, `aws-iso`, `aws-iso-b`, `aws-iso-e`, `aws-iso-f`).
const AMAZON_SUFFIXES: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// A presigned URL with session credentials has some 2,000 bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Which hosts an answer may be sent to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ResponseHosts {
    /// https on a host of an AWS partition, default port.
    #[default]
    Amazon,
    /// Those, and any port of a loopback address, over https or http: for a function that an
    /// endpoint override points at an emulator on the same machine.
    AmazonOrLoopback,
}

impl ResponseHosts {
    /// The rule for a function whose `AWS_ENDPOINT_URL` has this value.
    #[must_use]
    pub fn for_endpoint_override(endpoint_url: Option<&str>) -> Self {
        match endpoint_url {
            Some(url) if !url.trim().is_empty() => Self::AmazonOrLoopback,
            Some(_) | None => Self::Amazon,
        }
    }
}

/// The presigned URL that CloudFormation reads the answer from.
///
/// Whoever has it can answer in the function's place, so `Debug` and `Display` show the host alone.
#[derive(Clone, Eq, PartialEq)]
pub struct ResponseUrl {
    url: String,
    origin: String,
}

/// Why a URL is not answered to. Never shows more of it than scheme and host.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ResponseUrlError {
    /// Not an absolute http or https URL.
    #[error("ResponseURL is not a URL of the form https://host/path")]
    Malformed,
    /// Longer than any presigned URL.
    #[error("ResponseURL has {0} bytes, more than the {MAX_BYTES} a presigned URL may have")]
    TooLong(usize),
    /// A user name or password before the host.
    #[error("ResponseURL has user information before its host, which a presigned URL never has")]
    UserInfo,
    /// A port other than https's own.
    #[error("ResponseURL names port {0}, a presigned URL uses 443")]
    Port(u16),
    /// Plain http to a host that is not loopback.
    #[error("ResponseURL for host `{0}` is not https")]
    NotHttps(String),
    /// A host outside the allowed ones.
    #[error(
        "ResponseURL points at host `{0}`, which is not one of Amazon's; a loopback address is \
         accepted only where AWS_ENDPOINT_URL is set"
    )]
    ForeignHost(String),
}

impl ResponseUrl {
    /// Takes `url` if the answer may go there.
    ///
    /// # Errors
    /// Where it is not an absolute URL, or its scheme, port or host is not one `hosts` allows.
    pub fn parse(url: &str, hosts: ResponseHosts) -> Result<Self, ResponseUrlError> {
        if url.len() > MAX_BYTES {
            return Err(ResponseUrlError::TooLong(url.len()));
        }
        // Nothing that two URL parsers could read in two ways gets past here.
        if !url.bytes().all(is_url_byte) {
            return Err(ResponseUrlError::Malformed);
        }
        let (scheme, rest) = url.split_once("://").ok_or(ResponseUrlError::Malformed)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "https" && scheme != "http" {
            return Err(ResponseUrlError::Malformed);
        }
        let end = rest.find(['/', '?']).ok_or(ResponseUrlError::Malformed)?;
        let (authority, tail) = rest
            .split_at_checked(end)
            .ok_or(ResponseUrlError::Malformed)?;
        if !tail.starts_with('/') {
            return Err(ResponseUrlError::Malformed);
        }
        if authority.contains('@') {
            return Err(ResponseUrlError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let host = host.to_ascii_lowercase();
        let loopback = hosts == ResponseHosts::AmazonOrLoopback && is_loopback(&host);
        if !loopback {
            if !is_amazon(&host) {
                return Err(ResponseUrlError::ForeignHost(readable(&host)));
            }
            if scheme != "https" {
                return Err(ResponseUrlError::NotHttps(readable(&host)));
            }
            if let Some(port) = port.filter(|port| *port != 443) {
                return Err(ResponseUrlError::Port(port));
            }
        }
        let origin = match port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Ok(Self {
            url: format!("{origin}{tail}"),
            origin,
        })
    }

    /// The whole URL with its signature: for the request itself, never for a log.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for ResponseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/…", self.origin)
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ResponseUrl({self})")
    }
}

/// Visible ASCII that means the same to every URL parser.
const fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'}'
        )
}

/// Host (an IPv6 address in its brackets) and port.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), ResponseUrlError> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| ResponseUrlError::Malformed)?)
        }
        Some(_) => return Err(ResponseUrlError::Malformed),
    };
    if port == Some(0) {
        return Err(ResponseUrlError::Malformed);
    }
    let name = |host: &str| {
        host.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
    };
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
    if host.is_empty() || !(name(host) || address) {
        return Err(ResponseUrlError::Malformed);
    }
    Ok((host, port))
}

/// A name under one of the suffixes, whole labels compared.
fn is_amazon(host: &str) -> bool {
    host.split('.').all(|label| !label.is_empty())
        && AMAZON_SUFFIXES.iter().any(|suffix| {
            host.strip_suffix(suffix)
                .is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
        })
}

fn is_loopback(host: &str) -> bool {
    if host == "localhost" {
        return true;
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return address.is_loopback();
    }
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .and_then(|inner| inner.parse::<Ipv6Addr>().ok())
        .is_some_and(|address| address.is_loopback())
}

/// A DNS name has at most 253 bytes; what is longer is not worth repeating.
fn readable(host: &str) -> String {
    host.chars().take(253).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ResponseHosts::{Amazon, AmazonOrLoopback};

    const SECRET: &str = "X-Amz-Signature=5ec3e7";

    #[test]
    fn https_on_a_host_of_any_partition_is_taken_whole() {
        for host in [
            "cloudformation-custom-resource-response-useast1.s3.amazonaws.com",
            "cloudformation-custom-resource-response-uswest2.s3-us-west-2.amazonaws.com",
            "cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn",
            "s3.eusc-de-east-1.amazonaws.eu",
            "s3.us-iso-east-1.c2s.ic.gov",
            "s3.us-isob-east-1.sc2s.sgov.gov",
            "s3.eu-isoe-west-1.cloud.adc-e.uk",
            "s3.us-isof-south-1.csp.hci.ic.gov",
        ] {
            let text =
                format!("https://{host}/arn%3Aaws%3Acloudformation%7CName%7Cid?{SECRET}&a=b%2F");
            for hosts in [Amazon, AmazonOrLoopback] {
                let url = ResponseUrl::parse(&text, hosts).unwrap();
                assert_eq!(url.expose_secret(), text);
                assert_eq!(url.to_string(), format!("https://{host}/…"));
                assert_eq!(format!("{url:?}"), format!("ResponseUrl(https://{host}/…)"));
            }
        }
    }

    #[test]
    fn scheme_and_host_are_read_without_regard_to_case_and_port_443_is_the_default() {
        let url = ResponseUrl::parse("HTTPS://S3.AmazonAWS.com:443/Key?Q=R", Amazon).unwrap();
        assert_eq!(url.expose_secret(), "https://s3.amazonaws.com:443/Key?Q=R");
    }

    #[test]
    fn hosts_that_only_look_like_amazons_are_refused() {
        for host in [
            "example.com",
            "amazonaws.com",
            ".amazonaws.com",
            "a..amazonaws.com",
            "evilamazonaws.com",
            "s3.amazonaws.com.evil.example",
            "s3.amazonaws.com.",
            "s3.amazonaws.co",
            "amazonaws.com.cn",
            "169.254.169.254",
            "10.0.0.1",
            "0.0.0.0",
            "128.0.0.1",
            "[::ffff:127.0.0.1]",
            "[::2]",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "2130706433",
            "127.1",
        ] {
            for hosts in [Amazon, AmazonOrLoopback] {
                let url = format!("https://{host}/p?{SECRET}");
                assert_eq!(
                    ResponseUrl::parse(&url, hosts),
                    Err(ResponseUrlError::ForeignHost(host.to_owned())),
                    "{host}"
                );
            }
        }
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_malformed() {
        for url in [
            "",
            "https://",
            "https:///p",
            "s3.amazonaws.com/p",
            "ftp://s3.amazonaws.com/p",
            "https:/s3.amazonaws.com/p",
            "https://s3.amazonaws.com",
            "https://s3.amazonaws.com?x=/p",
            "https://evil.example\\.s3.amazonaws.com/p",
            "https://evil.example#.s3.amazonaws.com/p",
            "https://evil.example%2f.s3.amazonaws.com/p",
            "https://s3.amazonaws.com/p q",
            "https://s3.amazonaws.com/p\r\nHost: evil",
            "https://s3.amazonaws.com/ü",
            "https://s3.amazonaws.com:/p",
            "https://s3.amazonaws.com:0/p",
            "https://s3.amazonaws.com:+443/p",
            "https://s3.amazonaws.com:65536/p",
            "https://[::1/p",
            "https://::1/p",
            "https://[s3.amazonaws.com]/p",
        ] {
            let parsed = ResponseUrl::parse(url, AmazonOrLoopback);
            assert_eq!(parsed, Err(ResponseUrlError::Malformed), "{url}");
        }
    }

    #[test]
    fn user_information_ports_plain_http_and_overlong_urls_are_refused() {
        let parse = |url: &str| ResponseUrl::parse(url, Amazon).unwrap_err();
        for url in [
            "https://user@s3.amazonaws.com/p",
            "https://s3.amazonaws.com@evil.example/p",
            "https://a:b@s3.amazonaws.com/p",
        ] {
            assert_eq!(parse(url), ResponseUrlError::UserInfo, "{url}");
        }
        assert_eq!(
            parse("https://s3.amazonaws.com:8443/p"),
            ResponseUrlError::Port(8443)
        );
        assert_eq!(
            parse("http://s3.amazonaws.com/p"),
            ResponseUrlError::NotHttps("s3.amazonaws.com".to_owned())
        );
        let long = format!("https://s3.amazonaws.com/{}", "a".repeat(MAX_BYTES));
        assert_eq!(parse(&long), ResponseUrlError::TooLong(long.len()));
    }

    #[test]
    fn loopback_is_taken_only_where_an_endpoint_override_is_in_force() {
        for url in [
            "http://localhost:4566/_ministack/cfn-response/t",
            "http://127.0.0.1:4566/p",
            "https://127.8.9.10/p",
            "http://[::1]:8080/p?q",
            "https://LOCALHOST/p",
        ] {
            let with = ResponseHosts::for_endpoint_override(Some("http://127.0.0.1:4566"));
            assert!(ResponseUrl::parse(url, with).is_ok(), "{url}");
            for value in [None, Some(""), Some(" ")] {
                let without = ResponseHosts::for_endpoint_override(value);
                assert!(
                    matches!(
                        ResponseUrl::parse(url, without),
                        Err(ResponseUrlError::ForeignHost(_))
                    ),
                    "{url}"
                );
            }
        }
    }

    #[test]
    fn no_error_shows_path_or_query() {
        for host in ["evil.example", "u:p@s3.amazonaws.com", "s3.amazonaws.com:1"] {
            let error =
                ResponseUrl::parse(&format!("https://{host}/path?{SECRET}"), Amazon).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("path") && !shown.contains(SECRET),
                "{shown}"
            );
        }
    }
}
