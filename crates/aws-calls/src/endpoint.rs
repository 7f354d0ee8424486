//! Where a service is.

use aws_names::partition_of;

use crate::service::Service;

/// The domains of partitions that have their own: the partition's name, the domain of its endpoints, and that of its
/// dual-stack ones.
///
/// See <https://docs.aws.amazon.com/general/latest/gr/rande.html> and `partitions.json` of the SDKs.
const DOMAINS: [(&str, &str, &str); 6] = [
    ("aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("aws-iso", "c2s.ic.gov", "api.aws.ic.gov"),
    ("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"),
    ("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"),
];
/// Those of all others, `aws-us-gov` among them.
const COMMON: (&str, &str) = ("amazonaws.com", "api.aws");

/// Which of a service's endpoints is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) fips: bool,
    pub(crate) dual_stack: bool,
}

/// The URL of a service in a Region.
pub(crate) fn url(service: Service, region: &str, kind: Kind) -> String {
    let (plain, dual_stack) = domains(region);
    let domain = if kind.dual_stack { dual_stack } else { plain };
    // GovCloud's ordinary endpoints of these services are the validated ones.
    let is_validated = partition_of(region) == "aws-us-gov" && !kind.dual_stack;
    let fips = if kind.fips && !is_validated {
        "-fips"
    } else {
        ""
    };
    format!("https://{}{fips}.{region}.{domain}", service.prefix)
}

/// The domains of endpoints and of dual-stack ones in the Region's partition.
pub(crate) fn domains(region: &str) -> (&'static str, &'static str) {
    let partition = partition_of(region);
    let of_partition = DOMAINS.iter().find(|(name, ..)| *name == partition);
    of_partition.map_or(COMMON, |(_, plain, dual)| (*plain, *dual))
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};

    use super::*;

    const KMS: Service = Service {
        id: "KMS",
        prefix: "kms",
        target: "TrentService",
    };

    /// By what the SDK makes of AWS's rules, for a service with the same kinds of names.
    #[tokio::test]
    async fn endpoints_are_those_of_the_sdk() {
        let regions = [
            "us-east-1",
            "eu-west-1",
            "ap-southeast-5",
            "cn-north-1",
            "us-gov-west-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "eu-isoe-west-1",
            "us-isof-south-1",
            "eusc-de-east-1",
        ];
        for region in regions {
            for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
                let parameters = Params::builder()
                    .region(region)
                    .use_fips(fips)
                    .use_dual_stack(dual_stack)
                    .build()
                    .unwrap();
                // Not every partition has every kind.
                let Ok(expected) = DefaultResolver::new().resolve_endpoint(&parameters).await
                else {
                    continue;
                };
                // GovCloud has another name for KMS's validated endpoint.
                if region == "us-gov-west-1" && fips && !dual_stack {
                    continue;
                }
                let made = url(KMS, region, Kind { fips, dual_stack });
                assert_eq!(made, expected.url(), "{region} {fips} {dual_stack}");
            }
        }
    }

    /// See <https://docs.aws.amazon.com/general/latest/gr/ssm.html>.
    #[test]
    fn govclouds_ordinary_endpoints_are_the_validated_ones() {
        let fips = Kind {
            fips: true,
            dual_stack: false,
        };
        let ssm = Service {
            prefix: "ssm",
            ..KMS
        };
        let made = url(ssm, "us-gov-east-1", fips);
        assert_eq!(made, "https://ssm.us-gov-east-1.amazonaws.com");
    }
}
