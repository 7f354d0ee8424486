//! A bucket's pages, read ahead of whoever takes them.

use std::sync::Arc;

use compliance::ports::Marker;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Entry, ListEntries, Prefixes};
use crate::pace::{Fault, Patience};

/// How many pages wait for whoever takes them.
const AHEAD: usize = 2;

/// A bucket's entries as they are listed. Dropping it ends the listing.
#[derive(Debug)]
pub struct Listing {
    pages: mpsc::Receiver<Result<Vec<Entry>, Fault>>,
    reading: JoinHandle<()>,
}

impl Listing {
    /// The next entries; none after the last.
    ///
    /// # Errors
    /// Where S3 would not list any more, or not within the patience that there is. It is the last answer.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, Fault> {
        self.pages.recv().await.transpose()
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Begins to list what is under `prefixes`, and comes after `after` where that is given.
///
/// A page that S3 is too busy for is asked for again, until patience ends.
#[must_use]
pub fn read<L: ListEntries + 'static>(
    from: Arc<L>,
    prefixes: Prefixes,
    after: Option<String>,
) -> Listing {
    let (sender, pages) = mpsc::channel(AHEAD);
    let reading = tokio::spawn(async move {
        for (prefix, within) in prefixes.after(after.as_deref()) {
            if one(&*from, prefix, within, &sender).await.is_none() {
                return;
            }
        }
    });
    Listing { pages, reading }
}

/// All pages of one prefix; `None` where nobody wants more, or S3 gives none.
async fn one<L: ListEntries>(
    from: &L,
    prefix: &str,
    after: Option<&str>,
    to: &mpsc::Sender<Result<Vec<Entry>, Fault>>,
) -> Option<()> {
    let mut at = Marker {
        key: after.map(str::to_owned),
        version_id: None,
    };
    loop {
        match Patience::for_pages()
            .insist(|| from.page(prefix, &at))
            .await
        {
            Ok(mut page) => {
                // S3 begins after the marker; whoever begins with it is corrected.
                if let Some(after) = after {
                    page.entries.retain(|entry| entry.key.as_str() > after);
                }
                if !page.entries.is_empty() {
                    to.send(Ok(page.entries)).await.ok()?;
                }
                match page.next {
                    Some(next) => at = next,
                    None => return Some(()),
                }
            }
            Err(fault) => {
                let _ = to.send(Err(fault)).await;
                return None;
            }
        }
    }
}
