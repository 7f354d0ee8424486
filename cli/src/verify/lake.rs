//! Evidence where it is kept.

use std::sync::Arc;

use evidence::{DIGESTS, Day, Found, Hasher, Object, VERDICTS};

use super::walk::Evidence;
use crate::bucket::Bucket;
use crate::failure::Failure;
use crate::listing::{Entry, Prefixes, read};
use crate::pace::{Fault, Patience};

/// The evidence's bucket.
#[derive(Debug)]
pub(crate) struct Lake {
    pub(crate) bucket: Arc<Bucket>,
}

impl Lake {
    /// The keys below a prefix, each once, in their order.
    pub(crate) async fn keys(&self, prefix: &str) -> Result<Vec<String>, Failure> {
        let mut keys = Vec::new();
        self.list(prefix, |entry| keys.push(entry.key)).await?;
        keys.dedup();
        Ok(keys)
    }

    /// Gives what is listed below a prefix to `take`.
    async fn list(&self, prefix: &str, mut take: impl FnMut(Entry)) -> Result<(), Failure> {
        let mut listing = read(Arc::clone(&self.bucket), Prefixes::of([prefix]), None);
        while let Some(page) = listing.next().await.map_err(|fault| failed(&fault))? {
            page.into_iter().for_each(&mut take);
        }
        Ok(())
    }
}

fn failed(fault: &Fault) -> Failure {
    Failure::Incomplete(fault.to_string())
}

impl Evidence for Lake {
    async fn digests(&self) -> Result<Vec<String>, Failure> {
        self.keys(DIGESTS).await
    }

    async fn file(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        let file = Patience::for_pages()
            .insist(|| async {
                let mut file = Vec::new();
                let there = self
                    .bucket
                    .bytes(key, None, |piece| file.extend_from_slice(piece))
                    .await?;
                Ok(there.then_some(file))
            })
            .await;
        file.map_err(|fault| failed(&fault))
    }

    async fn look(&self, object: &Object) -> Found {
        let found = Patience::for_pages()
            .insist(|| async {
                let mut hasher = Hasher::default();
                let there = self
                    .bucket
                    .bytes(&object.key, Some(&object.version_id), |piece| {
                        hasher.update(piece);
                    })
                    .await?;
                Ok(there.then_some(hasher))
            })
            .await;
        match found {
            Ok(Some(hasher)) => Found::Bytes {
                size: hasher.size(),
                sha256: hasher.finish(),
            },
            Ok(None) => Found::Nothing,
            Err(fault) => Found::Unknown(fault.to_string()),
        }
    }

    async fn listed(&self, take: &mut dyn FnMut(&str, &str, Day)) -> Result<(), Failure> {
        self.list(VERDICTS, |entry| {
            if !entry.is_marker() {
                take(&entry.key, &entry.version_id, Day::of(entry.written.secs()));
            }
        })
        .await
    }
}
