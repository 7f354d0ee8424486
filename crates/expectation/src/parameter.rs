//! The parameters' names.

/// What the names of all parameters begin with.
pub const PARAMETERS: &str = "/encrypted-replication/";

/// The destination bucket that the parameter of this name speaks of: `/encrypted-replication/BUCKET/OWNER`. `None` for
/// any other, also for records of resources, which stand below `_resources`: no bucket has such a name.
#[must_use]
pub fn bucket_of(parameter: &str) -> Option<&str> {
    let (bucket, _) = parameter.strip_prefix(PARAMETERS)?.split_once('/')?;
    (!bucket.is_empty() && !bucket.starts_with('_')).then_some(bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_speaks_of_the_bucket_in_its_name() {
        for (name, bucket) in [
            (
                "/encrypted-replication/tax-replica/er1",
                Some("tax-replica"),
            ),
            (
                "/encrypted-replication/tax-replica/er1/2",
                Some("tax-replica"),
            ),
            ("/encrypted-replication/tax-replica", None),
            ("/encrypted-replication//er1", None),
            ("/encrypted-replication/_resources/tax/er1", None),
            ("/other/tax-replica/er1", None),
        ] {
            assert_eq!(bucket_of(name), bucket, "{name}");
        }
    }
}
