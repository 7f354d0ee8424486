//! What a job's status means. Pure.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-job-status.html>.

use crate::ports::JobDescription;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// S3 works on it.
    UnderWay,
    /// It waits for a person.
    Waiting,
    /// It is over, and was carried out.
    Complete,
    /// It is over, and there was nothing for it to do.
    Nothing,
    /// It is over, and was not carried out, or in part.
    Broken,
    /// S3 says something that is not known here.
    Unknown,
}

impl Stage {
    pub(super) fn of(job: &JobDescription) -> Self {
        match job.status.as_str() {
            "New" | "Preparing" | "Ready" | "Active" | "Pausing" | "Completing" | "Cancelling"
            | "Failing" => Self::UnderWay,
            "Suspended" | "Paused" => Self::Waiting,
            "Complete" => Self::Complete,
            "Failed" if is_empty(job) => Self::Nothing,
            "Failed" | "Cancelled" => Self::Broken,
            _ => Self::Unknown,
        }
    }

    /// Whether nothing more comes.
    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Complete | Self::Nothing | Self::Broken)
    }
}

/// S3 fails a job that its filter finds no version for.
fn is_empty(job: &JobDescription) -> bool {
    let says = |text: &str| {
        let text = text.to_ascii_lowercase();
        (text.contains("manifest") && text.contains("empty"))
            || text.contains("no keys")
            || text.contains("no objects")
    };
    let mut told = job.failures.iter().flat_map(|(code, words)| [code, words]);
    job.tasks == 0 && (told.any(|text| says(text)) || job.reason.as_deref().is_some_and(says))
}

/// In a sentence, and what to do.
pub(super) fn words(job: &JobDescription, region: &str) -> (String, String) {
    let JobDescription {
        id,
        status,
        tasks,
        succeeded,
        failed,
        ..
    } = job;
    let counts = format!("{succeeded} of {tasks} versions replicated, {failed} failed");
    let reasons = reasons(job);
    let again = format!("ask again: {{\"Action\": \"Job\", \"JobId\": \"{id}\"}}");
    let command = |to: &str| {
        format!(
            "aws s3control update-job-status --region {region} --account-id ACCOUNT --job-id {id} \
             --requested-job-status {to}"
        )
    };
    match Stage::of(job) {
        Stage::UnderWay if matches!(status.as_str(), "New" | "Preparing") => {
            ("S3 makes the list of versions; none is replicated yet".to_owned(), again)
        }
        Stage::UnderWay => (format!("it is under way: {counts}"), again),
        Stage::Waiting if status == "Suspended" => (
            format!("it waits for somebody to confirm it{reasons}"),
            format!("confirm it: `{}`; or cancel it by `Cancelled`", command("Ready")),
        ),
        Stage::Waiting => (
            format!("it is paused: {counts}{reasons}; S3 goes on when jobs of higher priority are through"),
            again,
        ),
        Stage::Complete if *failed == 0 => (
            format!("it is complete: {counts}"),
            "nothing is left to do".to_owned(),
        ),
        Stage::Complete => (
            format!("it is complete: {counts}"),
            "mend what the reasons name (`encrypted-replication explain REASON`, or TROUBLESHOOTING, `Failure reasons`), \
             then ask for Replay again: it takes what failed"
                .to_owned(),
        ),
        Stage::Nothing => (
            format!("it had nothing to do: no version has such a status, time and key{reasons}"),
            "nothing is left to do; what is still under way has the status PENDING, which no job takes".to_owned(),
        ),
        Stage::Broken => {
            let ended = if status == "Cancelled" {
                "it was cancelled"
            } else {
                "S3 ended it as failed"
            };
            (
                format!("{ended}: {counts}{reasons}"),
                "mend what the reasons name, then ask for Replay again: it takes what failed, and what was not come to \
                 has the status that it had"
                    .to_owned(),
            )
        }
        Stage::Unknown => (
            format!("S3 says that it is `{status}`, which is not known here: {counts}{reasons}"),
            format!(
                "see `aws s3control describe-job --region {region} --account-id ACCOUNT --job-id {id}`, or {again}"
            ),
        ),
    }
}

/// Why S3 says it is so.
fn reasons(job: &JobDescription) -> String {
    let told = job
        .failures
        .iter()
        .map(|(code, words)| format!("{code}: {words}"));
    let all: Vec<_> = job.reason.iter().cloned().chain(told).collect();
    if all.is_empty() {
        String::new()
    } else {
        format!(" ({})", all.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_told_in_words() {
        let failure = |code: &str, words: &str| vec![(code.to_owned(), words.to_owned())];
        for (status, tasks, failures, stage, part) in [
            ("New", 0, vec![], Stage::UnderWay, "makes the list"),
            ("Preparing", 0, vec![], Stage::UnderWay, "makes the list"),
            (
                "Ready",
                9,
                vec![],
                Stage::UnderWay,
                "7 of 9 versions replicated, 2 failed",
            ),
            ("Active", 9, vec![], Stage::UnderWay, "under way"),
            ("Pausing", 9, vec![], Stage::UnderWay, "under way"),
            ("Paused", 9, vec![], Stage::Waiting, "paused"),
            ("Suspended", 9, vec![], Stage::Waiting, "confirm"),
            ("Completing", 9, vec![], Stage::UnderWay, "under way"),
            ("Complete", 9, vec![], Stage::Complete, "complete: 7 of 9"),
            ("Cancelling", 9, vec![], Stage::UnderWay, "under way"),
            ("Cancelled", 9, vec![], Stage::Broken, "was cancelled"),
            ("Failing", 9, vec![], Stage::UnderWay, "under way"),
            (
                "Failed",
                9,
                failure("AccessDenied", "no"),
                Stage::Broken,
                "AccessDenied: no",
            ),
            (
                "Failed",
                0,
                failure("EmptyManifest", "x"),
                Stage::Nothing,
                "nothing to do",
            ),
            (
                "Failed",
                0,
                failure("AccessDenied", "no"),
                Stage::Broken,
                "ended it as failed",
            ),
            (
                "Failed",
                0,
                failure("x", "Manifest was Empty"),
                Stage::Nothing,
                "nothing to do",
            ),
            (
                "Dreaming",
                9,
                vec![],
                Stage::Unknown,
                "`Dreaming`, which is not known here",
            ),
            ("", 9, vec![], Stage::Unknown, "not known here"),
        ] {
            let job = JobDescription {
                id: "j".into(),
                status: status.into(),
                tasks,
                succeeded: 7,
                failed: 2,
                failures,
                ..JobDescription::default()
            };
            let (told, next) = words(&job, "us-east-1");
            assert_eq!(Stage::of(&job), stage, "{status}");
            assert!(told.contains(part), "{status}: {told}");
            assert!(!next.is_empty(), "{status}");
        }
    }
}
