//! Compares the verdict lines with what was made: pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sandbox::verdicts::Verdict;

/// Part of the keys of the provisioner's own probes, which are judged like everything else.
const PROBE: &str = ".encrypted-replication-probe-";

/// An object version: bucket, key, version id.
pub(crate) type Version = (String, String, String);

/// A version, and the verdict it should get.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The version.
    pub(crate) version: Version,
    /// The verdict.
    pub(crate) verdict: &'static str,
    /// The key that it must be seen under, where that matters.
    pub(crate) kms_key: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Versions with the verdict that they should have, by verdict.
    pub(crate) right: BTreeMap<&'static str, usize>,
    /// Lines on these versions.
    pub(crate) lines: usize,
    /// Lines beyond the first of a version.
    pub(crate) again: usize,
    /// Versions without a verdict.
    pub(crate) lost: Vec<String>,
    /// Versions with another verdict than they should have, or with one that should have none.
    pub(crate) misjudged: Vec<String>,
    /// Versions whose verdicts have more than one id, and ids that are of more than one version.
    pub(crate) divided: Vec<String>,
    /// Findings of which no event came.
    pub(crate) untold: Vec<String>,
}

impl Found {
    /// Everything that is wrong, a sentence each.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &String> {
        let lists = [&self.lost, &self.misjudged, &self.divided, &self.untold];
        lists.into_iter().flatten()
    }
}

/// Judges the judge: `wanted` are all versions that should get a verdict, `lines` all that were
/// written, `told` the ids of the findings' events.
pub(crate) fn judge(wanted: &[Wanted], lines: &[Verdict], told: &HashSet<String>) -> Found {
    let mut by_version: HashMap<Version, Vec<&Verdict>> = HashMap::new();
    let mut by_id: HashMap<&str, BTreeSet<Version>> = HashMap::new();
    let lines = lines.iter().filter(|line| !line.key.contains(PROBE));
    for line in lines {
        let version = version_of(line);
        by_id.entry(&line.id).or_default().insert(version.clone());
        by_version.entry(version).or_default().push(line);
    }
    let mut found = Found::default();
    for one in wanted {
        let Some(lines) = by_version.remove(&one.version) else {
            found
                .lost
                .push(format!("{} has no verdict", name(&one.version)));
            continue;
        };
        found.lines += lines.len();
        found.again += lines.len() - 1;
        match lines.iter().find_map(|line| fault(one, line)) {
            Some(fault) => found.misjudged.push(fault),
            None => *found.right.entry(one.verdict).or_default() += 1,
        }
        let ids: BTreeSet<_> = lines.iter().map(|line| line.id.as_str()).collect();
        if ids.len() > 1 {
            let text = format!("{} has {} ids", name(&one.version), ids.len());
            found.divided.push(text);
        }
        let findings = lines.iter().filter(|line| line.compliant == Some(false));
        if findings.clone().count() > 0 && !findings.clone().any(|line| told.contains(&line.id)) {
            let text = format!("the finding on {} became no event", name(&one.version));
            found.untold.push(text);
        }
    }
    found
        .misjudged
        .extend(by_version.into_iter().flat_map(|(version, lines)| {
            lines.into_iter().take(1).map(move |line| {
                let name = name(&version);
                format!("{name} should have no verdict, and got {}", line.verdict)
            })
        }));
    let shared = by_id.iter().filter(|(_, versions)| versions.len() > 1);
    found
        .divided
        .extend(shared.map(|(id, versions)| format!("{} versions share id {id}", versions.len())));
    for list in [
        &mut found.lost,
        &mut found.misjudged,
        &mut found.divided,
        &mut found.untold,
    ] {
        list.sort();
    }
    found
}

/// How many of the wanted have no line at all.
pub(crate) fn missing(wanted: &[Wanted], lines: &[Verdict]) -> usize {
    let seen: HashSet<Version> = lines.iter().map(version_of).collect();
    wanted
        .iter()
        .filter(|one| !seen.contains(&one.version))
        .count()
}

fn version_of(line: &Verdict) -> Version {
    let id = line.version_id.clone().unwrap_or_default();
    (line.bucket.clone(), line.key.clone(), id)
}

fn name((bucket, key, version): &Version) -> String {
    format!("`{key}` in `{bucket}`, version {version},")
}

fn fault(one: &Wanted, line: &Verdict) -> Option<String> {
    let name = name(&one.version);
    if line.verdict != one.verdict {
        let (wanted, got) = (one.verdict, &line.verdict);
        return Some(format!(
            "{name} should be {wanted}, got {got}: {}",
            line.reason
        ));
    }
    let observed = line
        .observed
        .as_ref()
        .and_then(|seen| seen.kms_key_arn.as_ref());
    if one.kms_key.is_some() && observed != one.kms_key.as_ref() {
        return Some(format!(
            "{name} was seen under {observed:?}, not under {:?}",
            one.kms_key
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(number: u32, verdict: &'static str) -> Wanted {
        Wanted {
            version: version(number),
            verdict,
            kms_key: None,
        }
    }

    fn version(number: u32) -> Version {
        ("b".to_owned(), "k".to_owned(), number.to_string())
    }

    fn line(number: u32, verdict: &str, id: &str) -> Verdict {
        let compliant = match verdict {
            "Compliant" => "true",
            "WrongKey" => "false",
            _ => "null",
        };
        let text = format!(
            r#"{{"id":"{id}","verdict":"{verdict}","compliant":{compliant},"bucket":"b","key":"k",
            "versionId":"{number}","observed":{{"algorithm":"aws:kms","kmsKeyArn":"key"}},"reason":"r"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn is_good(found: &Found) -> bool {
        found.faults().next().is_none()
    }

    fn judged(wanted: &[Wanted], lines: &[Verdict]) -> Found {
        judge(wanted, lines, &HashSet::from(["told".to_owned()]))
    }

    #[test]
    fn lines_that_come_again_with_the_same_id_are_counted_and_good() {
        let all = [wanted(1, "Compliant"), wanted(2, "WrongKey")];
        let found = judged(
            &all,
            &[
                line(1, "Compliant", "1"),
                line(2, "WrongKey", "told"),
                line(1, "Compliant", "1"),
            ],
        );
        assert!(is_good(&found), "{found:?}");
        assert_eq!((found.lines, found.again), (3, 1));
        assert_eq!(
            found.right,
            BTreeMap::from([("Compliant", 1), ("WrongKey", 1)])
        );
    }

    #[test]
    fn a_version_without_a_verdict_is_lost() {
        let all = [wanted(1, "Compliant"), wanted(2, "Compliant")];
        let lines = [line(1, "Compliant", "1")];
        let found = judged(&all, &lines);
        assert_eq!(
            found.lost,
            ["`k` in `b`, version 2, has no verdict"],
            "{found:?}"
        );
        assert!(!is_good(&found));
        assert_eq!(missing(&all, &lines), 1);
    }

    #[test]
    fn another_verdict_is_found_also_among_right_ones() {
        let lines = [line(1, "Compliant", "1"), line(1, "Gone", "2")];
        let found = judged(&[wanted(1, "Compliant")], &lines);
        assert_eq!(
            found.misjudged,
            ["`k` in `b`, version 1, should be Compliant, got Gone: r"]
        );
        assert_eq!(found.divided, ["`k` in `b`, version 1, has 2 ids"]);
    }

    #[test]
    fn a_second_id_for_the_same_verdict_is_found() {
        let lines = [line(1, "Compliant", "1"), line(1, "Compliant", "2")];
        let found = judged(&[wanted(1, "Compliant")], &lines);
        assert_eq!(found.divided, ["`k` in `b`, version 1, has 2 ids"]);
        assert!(found.misjudged.is_empty() && !is_good(&found));
    }

    #[test]
    fn one_id_for_two_versions_is_found() {
        let all = [wanted(1, "Compliant"), wanted(2, "Compliant")];
        let found = judged(
            &all,
            &[line(1, "Compliant", "1"), line(2, "Compliant", "1")],
        );
        assert_eq!(found.divided, ["2 versions share id 1"]);
    }

    #[test]
    fn a_verdict_that_nothing_asked_for_is_found_but_for_probes() {
        let mut probe = line(8, "Compliant", "8");
        probe.key = "Tax/.encrypted-replication-probe-er1-1".to_owned();
        let found = judged(&[], &[line(9, "NotReplica", "9"), probe]);
        assert_eq!(
            found.misjudged,
            ["`k` in `b`, version 9, should have no verdict, and got NotReplica"]
        );
    }

    #[test]
    fn the_right_verdict_on_another_key_is_found() {
        let mut one = wanted(1, "Compliant");
        one.kms_key = Some("another".to_owned());
        let found = judged(&[one.clone()], &[line(1, "Compliant", "1")]);
        assert_eq!(found.misjudged.len(), 1, "{found:?}");
        one.kms_key = Some("key".to_owned());
        assert!(is_good(&judged(&[one], &[line(1, "Compliant", "1")])));
    }

    #[test]
    fn a_finding_that_became_no_event_is_found() {
        let found = judged(&[wanted(1, "WrongKey")], &[line(1, "WrongKey", "untold")]);
        assert_eq!(
            found.untold,
            ["the finding on `k` in `b`, version 1, became no event"]
        );
    }
}
