//! Which inventories there are.

use evidence::Inventories;
use expectation::Time;

use crate::bucket::{Bucket, Way};
use crate::failure::Failure;
use crate::listing::{Prefixes, read};
use crate::session::Session;

/// Where S3 delivers inventories, as an argument.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    location: String,
    id: String,
}

impl Place {
    /// At `s3://BUCKET/PREFIX`, of the configuration of this name.
    pub(crate) fn new(location: &str, id: &str) -> Self {
        Self {
            location: location.to_owned(),
            id: id.to_owned(),
        }
    }

    /// `dt` of the newest inventory of a bucket.
    ///
    /// # Errors
    /// Where the place cannot be listed, or there is none in it.
    pub(crate) async fn newest(&self, session: &Session, of: &str) -> Result<String, Failure> {
        let Self { location, id } = self;
        let place = Inventories::at(location, id).ok_or_else(|| {
            Failure::Asked(format!(
                "`{location}` is no place such as s3://BUCKET/PREFIX"
            ))
        })?;
        let way = Way {
            session,
            role_name: None,
        };
        let bucket = Bucket::find(way, place.bucket(), None).await?.shared();
        let prefix = place.keys_of(of);
        let mut listing = read(bucket, Prefixes::of([prefix.as_str()]), None);
        let mut newest = None;
        loop {
            let page = listing.next().await;
            let page = page.map_err(|fault| Failure::Incomplete(fault.to_string()))?;
            let Some(page) = page else { break };
            let found = page.into_iter().filter(|entry| !entry.is_marker());
            let found = found.filter_map(|entry| place.whole(of, &entry.key).map(str::to_owned));
            newest = found.chain(newest).max();
        }
        newest.ok_or_else(|| {
            Failure::Asked(format!(
                "there is no inventory of bucket `{of}` below {location}: is its configuration's name `{id}`, its \
                 format Parquet, and the first one delivered, which takes up to two days?"
            ))
        })
    }
}

/// When an inventory was begun, by its `dt`, such as `2026-11-27-01-00`.
pub(crate) fn begun(dt: &str) -> Option<Time> {
    let (day, time) = (dt.get(..10)?, dt.get(11..)?);
    Time::parse(&format!("{day}T{}:00Z", time.replace('-', ":")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inventory_bears_its_time() {
        let time = begun("2026-11-27-01-00").unwrap();
        assert_eq!(time.to_string(), "2026-11-27T01:00:00Z");
        for dt in ["", "2026-11-27", "2026-11-27-01", "newest"] {
            assert_eq!(begun(dt), None, "{dt}");
        }
    }
}
