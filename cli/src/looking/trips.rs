//! One trip through the checker after another, for as long as a run takes.

use std::time::Duration;

use aws_names::Home;
use compliance::checker::Trip;
use tokio::time::Instant;

/// How long what was asked on a trip is not asked again: before each finding the checker asks anew what was
/// asked before the trip began.
const EACH: Duration = Duration::from_mins(5);

/// Trips to one bucket.
#[derive(Clone, Debug)]
pub struct Trips {
    home: Home,
    began: Instant,
}

impl Trips {
    /// Trips that begin now.
    #[must_use]
    pub fn to(home: Home) -> Self {
        let began = Instant::now();
        Self { home, began }
    }

    /// The trip that is under way, which only looks.
    #[must_use]
    pub fn current(&self) -> Trip<'_> {
        let whole = self.began.elapsed().as_secs() / EACH.as_secs();
        let since = EACH * u32::try_from(whole).unwrap_or(u32::MAX);
        Trip {
            home: Some(&self.home),
            began: self.began + since,
            only_looks: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_trip_takes_five_minutes() {
        let home = Home {
            partition: "aws".to_owned(),
            region: "us-west-2".to_owned(),
            account: "111122223333".to_owned(),
        };
        let (trips, began) = (Trips::to(home), Instant::now());
        for (after, expected) in [(0, 0), (299, 0), (300, 300), (1_000, 900)] {
            tokio::time::sleep_until(began + Duration::from_secs(after)).await;
            let trip = trips.current();
            assert_eq!(trip.began, began + Duration::from_secs(expected));
            assert!(trip.only_looks);
        }
    }
}
