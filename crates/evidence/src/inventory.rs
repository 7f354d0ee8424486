//! Where inventories lie, and which of them is whole.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html>.

/// What S3 writes last for Hive: an inventory that has it is whole.
const WHOLE: &str = "symlink.txt";

/// Where S3 delivers inventories, of all buckets under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventories {
    bucket: String,
    /// With a slash at its end, or empty.
    prefix: String,
    /// Name of the inventory configuration.
    id: String,
}

impl Inventories {
    /// At `s3://BUCKET/PREFIX`, of the configuration of this name; `None` where it is no such place.
    #[must_use]
    pub fn at(location: &str, id: &str) -> Option<Self> {
        let place = location.strip_prefix("s3://")?.trim_end_matches('/');
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix = match prefix {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        (!bucket.is_empty()).then(|| Self {
            bucket: bucket.to_owned(),
            prefix,
            id: id.to_owned(),
        })
    }

    /// The bucket that they are in.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What the keys of a bucket's inventories begin with, as Hive reads them.
    #[must_use]
    pub fn keys_of(&self, bucket: &str) -> String {
        format!("{}{bucket}/{}/hive/dt=", self.prefix, self.id)
    }

    /// `dt` of the inventory of a bucket that is whole as this key is there: the greatest is the newest.
    #[must_use]
    pub fn whole<'a>(&self, bucket: &str, key: &'a str) -> Option<&'a str> {
        let (dt, file) = key.strip_prefix(&self.keys_of(bucket))?.split_once('/')?;
        (file == WHOLE).then_some(dt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_inventories_is_read() {
        for (location, key) in [
            ("s3://inventories/all", "all/b/daily/hive/dt="),
            (
                "s3://inventories/all/of/them/",
                "all/of/them/b/daily/hive/dt=",
            ),
            ("s3://inventories", "b/daily/hive/dt="),
        ] {
            let place = Inventories::at(location, "daily").unwrap();
            assert_eq!(
                (place.bucket(), place.keys_of("b").as_str()),
                ("inventories", key)
            );
        }
        for location in ["", "inventories/all", "s3://", "s3:///all"] {
            assert_eq!(Inventories::at(location, "daily"), None, "{location}");
        }
    }

    #[test]
    fn an_inventory_is_whole_by_its_last_file_alone() {
        let place = Inventories::at("s3://inventories/all", "daily").unwrap();
        let dt = "2026-11-27-01-00";
        let key = format!("all/b/daily/hive/dt={dt}/symlink.txt");
        assert_eq!(place.whole("b", &key), Some(dt));
        for (bucket, key) in [
            ("c", key.clone()),
            ("b", format!("all/b/daily/hive/dt={dt}/part")),
            ("b", format!("all/b/daily/hive/dt={dt}/old/symlink.txt")),
            ("b", format!("all/b/weekly/hive/dt={dt}/symlink.txt")),
            ("b", format!("all/b/daily/{dt}/manifest.json")),
        ] {
            assert_eq!(place.whole(bucket, &key), None, "{key}");
        }
    }
}
