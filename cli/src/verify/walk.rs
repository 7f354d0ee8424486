//! From digest to digest and object to object, wherever they lie.

use evidence::{Chain, Day, Digest, Found, Hash, Object, Outcome, day_of_digest};
use futures_util::stream::{self, StreamExt as _};

use super::signature::PublicKey;
use crate::failure::Failure;
use crate::progress::Progress;

/// How many objects are read at the same time.
const AT_ONCE: usize = 16;

/// Where evidence lies.
pub trait Evidence {
    /// The keys below `digests/`, in their order.
    fn digests(&self) -> impl Future<Output = Result<Vec<String>, Failure>>;

    /// All of a digest's file; `None` where it is not there.
    fn file(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, Failure>>;

    /// What is there of an object.
    fn look(&self, object: &Object) -> impl Future<Output = Found>;

    /// Tells of every object version below `verdicts/`: key, version id, and the day it was written on.
    fn listed(
        &self,
        take: &mut dyn FnMut(&str, &str, Day),
    ) -> impl Future<Output = Result<(), Failure>>;
}

/// What is to be verified.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The lake's bucket.
    pub bucket: String,
    /// The first day; without one the first that has a digest.
    pub from: Option<Day>,
    /// The last day; without one the last that has a digest.
    pub to: Option<Day>,
    /// SHA-256 of the last digest's file, where it is known from elsewhere.
    pub head: Option<Hash>,
    /// Whether only the digests are looked at, and no object.
    pub digests_only: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The first day that was looked at.
    pub from: Day,
    /// The last.
    pub to: Day,
    /// What was found.
    pub outcome: Outcome,
}

/// Holds everything against the digests.
///
/// # Errors
/// Where there is no digest, or the evidence cannot be listed or read.
pub async fn verify(
    evidence: &impl Evidence,
    key: &PublicKey,
    wanted: &Wanted,
) -> Result<Verified, Failure> {
    let keys = evidence.digests().await?;
    let days = || keys.iter().filter_map(|key| day_of_digest(key));
    let (Some(from), Some(to)) = (
        wanted.from.or(days().next()),
        wanted.to.or(days().next_back()),
    ) else {
        return Err(Failure::Asked(
            "there is no digest below `digests/`: is it the evidence's bucket, and a day old?"
                .to_owned(),
        ));
    };
    let mut chain = Chain::new(&wanted.bucket, from);
    let progress = Progress::new("objects", None);
    for name in &keys {
        // The day before the first is looked at for what follows from it.
        let Some(day) = day_of_digest(name).filter(|day| day.next() >= from && *day <= to) else {
            continue;
        };
        let Some(file) = evidence.file(name).await? else {
            continue;
        };
        let digest = chain.digest(name, &file, |read| key.verify(read));
        if let Some(digest) = digest.filter(|_| day >= from && !wanted.digests_only) {
            objects(evidence, &mut chain, (name, digest), &progress).await;
        }
    }
    if !wanted.digests_only {
        evidence
            .listed(&mut |key, version, day| {
                if day <= to {
                    chain.listed(key, version, day);
                }
            })
            .await?;
    }
    Ok(Verified {
        from,
        to,
        outcome: chain.finish(to, wanted.head),
    })
}

async fn objects(
    evidence: &impl Evidence,
    chain: &mut Chain,
    (name, digest): (&str, Digest),
    progress: &Progress,
) {
    let looks = digest.objects.into_iter().map(|object| async move {
        let found = evidence.look(&object).await;
        (object, found)
    });
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    while let Some((object, found)) = looks.next().await {
        chain.object(name, &object, found);
        progress.add(1);
    }
}
