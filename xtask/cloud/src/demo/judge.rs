//! Waits for the verdicts and compares them with what they should be.

use std::collections::BTreeSet;

use anyhow::Result;
use sandbox::verdicts::Verdict;
use sandbox::wait::until;

use super::case::{Case, Names, Should};
use super::cloud::{Cloud, Replica, Uploaded};

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// The object's key.
    pub(crate) object: String,
    /// The source version's replication status.
    pub(crate) source_status: String,
    /// What the replica is encrypted with.
    pub(crate) replica_key: String,
    /// The verdict it should get.
    pub(crate) expected: &'static str,
    /// The verdict it got.
    pub(crate) verdict: String,
    /// From the end of the upload to the verdict line.
    pub(crate) milliseconds: Option<i64>,
    /// What is wrong with this line, if anything.
    pub(crate) fault: Option<String>,
}

/// Waits until each case has its verdict, or for so long as it may take.
pub(crate) async fn judge(cloud: &Cloud, names: &Names, cases: &[Case]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for case in cases {
        let status = cloud.source_status(&case.object).await?;
        let replica = cloud.replica(&case.object.key).await?;
        let verdict = wait_for_verdict(cloud, case, replica.as_ref()).await?;
        let seen = Seen {
            status,
            replica,
            verdict,
        };
        rows.push(row(case, names, seen));
    }
    Ok(rows)
}

/// An object that stays where it is has no event that one could wait for. So this looks again when
/// everything else, uploaded later, has arrived; and that no version has two findings.
pub(crate) async fn check_those_that_stay(cloud: &Cloud, rows: &mut [Row]) -> Result<()> {
    let verdicts = cloud.verdicts().await?;
    for row in rows {
        let ids: BTreeSet<_> = verdicts
            .iter()
            .filter(|found| found.key == row.object)
            .map(|found| &found.id)
            .collect();
        let stays = row.expected == STAYS;
        if stays && cloud.replica(&row.object).await?.is_some() {
            row.fault = Some("it has a replica, though no rule covers it".to_owned());
        } else if ids.len() != usize::from(!stays) {
            row.fault.get_or_insert_with(|| {
                format!("{} verdicts, expected {}", ids.len(), usize::from(!stays))
            });
        }
    }
    Ok(())
}

const STAYS: &str = "none";

async fn wait_for_verdict(
    cloud: &Cloud,
    case: &Case,
    replica: Option<&Replica>,
) -> Result<Option<Verdict>> {
    let setting = &cloud.setting;
    let (bucket, version) = match (case.should, replica) {
        (Should::Stay, _) => return Ok(None),
        (Should::Arrive(_), Some(replica)) => (&setting.destination_bucket, &replica.version),
        // Nothing arrived that could be judged: then the failure must be reported.
        (Should::Arrive(_), None) | (Should::Fail(_), _) => {
            (&setting.source_bucket, &case.object.version)
        }
    };
    let what = format!("the verdict on `{}` in `{bucket}`", case.object.key);
    let found = until(&what, setting.verdict_limit, async || {
        let verdicts = cloud.verdicts().await?;
        Ok(verdicts
            .into_iter()
            .find(|found| is_about(found, bucket, &case.object, version)))
    })
    .await;
    // No verdict is a result too, and the other lines of the table are still worth seeing.
    match found {
        Ok(verdict) => Ok(Some(verdict)),
        Err(error) if error.downcast_ref::<sandbox::wait::InVain>().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_about(found: &Verdict, bucket: &str, object: &Uploaded, version: &str) -> bool {
    found.bucket == bucket
        && found.key == object.key
        && found.version_id.as_deref() == Some(version)
}

/// What became of an object.
struct Seen {
    /// Its replication status.
    status: Option<String>,
    replica: Option<Replica>,
    verdict: Option<Verdict>,
}

fn row(case: &Case, names: &Names, seen: Seen) -> Row {
    let Seen {
        status,
        replica,
        verdict,
    } = seen;
    let expected = match case.should {
        Should::Arrive(verdict) | Should::Fail(verdict) => verdict,
        Should::Stay => STAYS,
    };
    let expected_status = match case.should {
        Should::Arrive(_) => Some("COMPLETED"),
        Should::Fail(_) => Some("FAILED"),
        Should::Stay => None,
    };
    let got = verdict
        .as_ref()
        .map_or(STAYS, |found| found.verdict.as_str());
    let fault = if status.as_deref() != expected_status {
        Some(format!(
            "its replication status is {status:?}, expected {expected_status:?}"
        ))
    } else if got != expected {
        let reason = verdict
            .as_ref()
            .map_or("no verdict came", |found| found.reason.as_str());
        Some(format!("expected {expected}, got {got}: {reason}"))
    } else {
        None
    };
    Row {
        object: case.object.key.clone(),
        source_status: status.unwrap_or_else(|| "not replicated".to_owned()),
        replica_key: match &replica {
            None => "no replica".to_owned(),
            Some(Replica { key: None, .. }) => "SSE-S3".to_owned(),
            Some(Replica { key: Some(key), .. }) => names.of(key),
        },
        expected,
        verdict: got.to_owned(),
        milliseconds: verdict.map(|found| found.time - case.object.time),
        fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(should: Should) -> Case {
        let object = Uploaded {
            key: "Tax/a".to_owned(),
            version: "1".to_owned(),
            time: 0,
        };
        Case { object, should }
    }

    fn judged(should: Should, status: Option<&str>) -> Row {
        let names = Names::default();
        let seen = Seen {
            status: status.map(str::to_owned),
            replica: None,
            verdict: None,
        };
        row(&case(should), &names, seen)
    }

    #[test]
    fn an_object_that_stays_is_right_without_status_and_verdict() {
        let row = judged(Should::Stay, None);
        assert_eq!((row.fault, row.verdict.as_str()), (None, "none"));
    }

    #[test]
    fn a_missing_verdict_is_a_fault() {
        let fault = judged(Should::Arrive("Compliant"), Some("COMPLETED"))
            .fault
            .unwrap();
        assert_eq!(fault, "expected Compliant, got none: no verdict came");
    }

    #[test]
    fn a_failure_that_s3_calls_completed_is_a_fault() {
        let fault = judged(Should::Fail("ReplicationFailed"), Some("COMPLETED"))
            .fault
            .unwrap();
        assert!(fault.contains("expected Some(\"FAILED\")"), "{fault}");
    }
}
