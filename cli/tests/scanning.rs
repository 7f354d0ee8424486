//! A thousand buckets, and the accounts of an organisation, at a server that takes 20 milliseconds for each
//! answer.

#[cfg(test)]
mod athena;
#[cfg(test)]
mod server;
#[cfg(test)]
mod wire;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::{Command, Output};
    use std::time::{Duration, Instant};

    use encrypted_replication::calls::{CALLS, EVIDENCE};
    use serde_json::Value;

    use super::server::{Aws, Server};

    const BUCKETS: usize = 1000;
    /// One in so many has replication.
    const REPLICATED: usize = 25;

    fn run(server: &Server, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_encrypted-replication"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", "/nonexistent");
        command.env("AWS_ENDPOINT_URL", server.endpoint());
        command.env("AWS_REGION", "us-east-1");
        command
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        command.output().unwrap()
    }

    fn lines(output: &Output) -> Vec<Value> {
        let text = std::str::from_utf8(&output.stdout).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn told(output: &Output) -> String {
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    #[test]
    fn a_thousand_buckets_take_seconds_and_no_call_writes() {
        let aws = Aws {
            buckets: BUCKETS,
            replicated: REPLICATED,
            broken: "bucket-0025",
            ..Aws::default()
        };
        let server = Server::start(aws, Duration::from_millis(20));
        let began = Instant::now();
        let output = run(&server, &["scan", "--all-regions", "--output", "jsonl"]);
        let took = began.elapsed();
        assert!(took < Duration::from_mins(1), "{took:?}");
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        let found = lines(&output);
        assert_eq!(found.len(), BUCKETS / REPLICATED);
        for one in &found {
            let broken = one["bucket"] == "bucket-0025";
            let state = if broken { "broken" } else { "works" };
            assert_eq!(one["state"], state, "{one:#}");
        }
        let broken = found
            .iter()
            .find(|one| one["bucket"] == "bucket-0025")
            .unwrap();
        assert_eq!(broken["checks"][0], "Versioning");
        let made = server.calls();
        let known: BTreeSet<_> = CALLS.iter().map(|(name, _)| *name).collect();
        for call in &made {
            assert!(known.contains(call.as_str()), "{call} is no read of ours");
        }
        // One read for each bucket, and some twenty for each that has replication.
        let most = BUCKETS + 30 * BUCKETS / REPLICATED + 2;
        assert!(made.len() <= most, "{} calls", made.len());
    }

    #[test]
    fn without_all_regions_only_those_of_the_region_are_looked_at() {
        let aws = Aws {
            buckets: 10,
            replicated: 1,
            region: "eu-west-1",
            ..Aws::default()
        };
        let server = Server::start(aws, Duration::ZERO);
        let output = run(&server, &["scan", "--output", "jsonl"]);
        assert_eq!(
            (output.status.code(), lines(&output).len()),
            (Some(0), 0),
            "{}",
            told(&output)
        );
        let output = run(
            &server,
            &["scan", "--output", "jsonl", "--region", "eu-west-1"],
        );
        assert_eq!(
            (output.status.code(), lines(&output).len()),
            (Some(0), 10),
            "{}",
            told(&output)
        );
    }

    #[test]
    fn each_account_of_the_organisation_is_looked_at_by_its_role() {
        let aws = Aws {
            buckets: 3,
            replicated: 3,
            accounts: vec!["111122223333", "444455556666", "777788889999"],
            unassumable: "777788889999",
            ..Aws::default()
        };
        let server = Server::start(aws, Duration::ZERO);
        let output = run(
            &server,
            &["scan", "--role-name", "Audit", "--output", "jsonl"],
        );
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let found = lines(&output);
        let of = |account: &str| found.iter().filter(|one| one["account"] == account).count();
        assert_eq!(
            (of("111122223333"), of("444455556666"), of("777788889999")),
            (1, 1, 1)
        );
        let unknown = found
            .iter()
            .find(|one| one["account"] == "777788889999")
            .unwrap();
        assert_eq!(unknown["state"], "unknown");
        let why = unknown["why"].as_str().unwrap();
        assert!(
            why.contains("AssumeRole on role `arn:aws:iam::777788889999:role/Audit`"),
            "{why}"
        );
    }

    #[test]
    fn an_account_that_may_not_be_listed_could_not_be_looked_at() {
        let aws = Aws {
            denied: "ListBuckets",
            ..Aws::default()
        };
        let server = Server::start(aws, Duration::ZERO);
        let output = run(&server, &["scan"]);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        for part in [
            "ListBuckets",
            "111122223333",
            "us-east-1",
            "s3:ListAllMyBuckets on",
        ] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn a_bucket_is_diagnosed_as_people_and_programs_read_it() {
        let aws = Aws {
            buckets: 1,
            replicated: 1,
            broken: "bucket-0000",
            ..Aws::default()
        };
        let server = Server::start(aws, Duration::ZERO);
        let output = run(&server, &["diagnose", "bucket-0000"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}{}", told(&output));
        assert!(
            text.contains("FAIL")
                && text.contains("aws s3api put-bucket-versioning --bucket copies"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}') && !text.contains("PASS"), "{text}");
        let output = run(
            &server,
            &["diagnose", "arn:aws:s3:::bucket-0000", "--output", "json"],
        );
        let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
        let failed: Vec<_> = checks
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["result"] == "FAIL")
            .collect();
        assert_eq!(failed.len(), 1, "{checks:#}");
        assert_eq!(failed[0]["check"], "Versioning");
        let output = run(&server, &["diagnose", "nobodys"]);
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(told(&output).contains("there is no bucket `nobodys`"));
    }

    #[test]
    fn a_report_says_what_athena_does_and_counts_what_is_there() {
        let server = Server::start(Aws::default(), Duration::ZERO);
        let page = std::env::temp_dir().join(format!("report-{}.html", std::process::id()));
        let file = page.to_str().unwrap();
        let days = ["report", "--from", "2026-07-01", "--to", "2026-09-30"];
        let place = ["--work-group", "evidence", "--database", "lake"];
        let output = run(
            &server,
            &[&days[..], &place, &["--page", file, "--output", "json"]].concat(),
        );
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        let html = std::fs::read_to_string(&page).unwrap();
        std::fs::remove_file(&page).unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let bucket = &report["buckets"][0];
        assert_eq!(bucket["bucket"], "tax-replica");
        assert_eq!(bucket["sources"][0], "tax");
        assert_eq!(
            bucket["history"][0]["by"],
            "arn:aws:iam::111122223333:user/ann"
        );
        assert_eq!(bucket["history"].as_array().unwrap().len(), 1);
        assert_eq!(bucket["history"][0]["until"], "2026-07-03T00:00:00Z");
        assert_eq!(report["buckets"].as_array().unwrap().len(), 1);
        // Of three of these days; what is gone is not there, and one is of the day after.
        assert_eq!(
            bucket["coverage"],
            serde_json::json!({"replicas": 3, "judged": 2})
        );
        assert_eq!(bucket["counts"][1]["findings"], "2");
        let states: Vec<_> = bucket["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["state"])
            .collect();
        assert_eq!(states, ["mended", "open"]);
        // The other one is another destination's.
        assert_eq!(bucket["failures"].as_array().unwrap().len(), 1);
        let names: Vec<_> = report["queries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["name"])
            .collect();
        assert_eq!(
            names,
            ["counts", "findings", "failures", "judged", "timeline"]
        );
        let source = &report["sources"][0];
        assert_eq!(
            (&source["bucket"], &source["timeline"][2]["result"]),
            (&"tax".into(), &"FAILED".into())
        );
        assert!(html.contains("<td>DRIFTED</td>"), "{html}");
        assert!(
            html.contains("2 of 3") && html.contains("DstKmsKeyNotFound"),
            "{html}"
        );

        let known: BTreeSet<_> = EVIDENCE.iter().map(|(name, _)| *name).collect();
        for call in server.calls() {
            assert!(
                known.contains(call.as_str()),
                "{call} is no call of a report's"
            );
        }
        let csv = run(&server, &[&days[..], &place, &["--output", "csv"]].concat());
        let csv = String::from_utf8(csv.stdout).unwrap();
        assert_eq!(csv.lines().count(), 7, "{csv}");
        assert!(
            csv.contains("tax,drift,Replication,,DRIFTED,over,then,later,1440,,\r\n"),
            "{csv}"
        );
        assert!(
            csv.contains("tax-replica,finding,a,,WrongKey,mended,then,later,5,,\r\n"),
            "{csv}"
        );
    }

    #[test]
    fn a_report_counts_by_inventory_and_bears_the_head_of_the_chain_and_the_sweeps() {
        let server = Server::start(Aws::default(), Duration::ZERO);
        let page = std::env::temp_dir().join(format!("swept-{}.html", std::process::id()));
        let typed = "report --from 2026-07-01 --to 2026-09-30 --work-group evidence --database lake --evidence lake \
                     --inventory s3://inventories/all --inventory-id daily --output json --page";
        let mut typed: Vec<_> = typed.split(' ').collect();
        typed.push(page.to_str().unwrap());
        let output = run(&server, &typed);
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        let html = std::fs::read_to_string(&page).unwrap();
        std::fs::remove_file(&page).unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let bucket = &report["buckets"][0];
        let coverage = serde_json::json!({"replicas": 12, "judged": 8, "late": 2});
        assert_eq!(bucket["coverage"], coverage);
        assert_eq!(bucket["inventory"], "2026-10-02-01-00");
        // `printf 'a digest' | sha256sum`
        let head = "1b02ea4166dab05213b57d12a5df6126b646e5e06e9f7915924768f3d96f07f6";
        assert_eq!(report["head"]["sha256"], head);
        assert_eq!(report["head"]["digest"], "digests/2026/10/01.json");
        assert_eq!(report["head"]["state"], "found");
        assert_eq!(report["sweeps"].as_array().unwrap().len(), 1);
        assert_eq!(report["leftOut"], serde_json::json!(["forgotten"]));
        assert_eq!(
            report["notInTable"],
            serde_json::json!([{"account": "1", "region": "s", "bucket": "tax-replica"}])
        );
        assert_eq!(
            report["sweeps"][0]["buckets"][0]["verdicts"]["Compliant"],
            2
        );
        for part in [
            "8 of 12",
            "2 of them more than an hour",
            head,
            "2 Compliant",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        let known: BTreeSet<_> = EVIDENCE.iter().map(|(name, _)| *name).collect();
        let calls = server.calls();
        assert!(
            calls.iter().all(|call| known.contains(call.as_str())),
            "{calls:?}"
        );
    }

    #[test]
    fn a_chain_that_has_lost_its_end_is_told_from_one_that_never_began() {
        let server = Server::start(Aws::default(), Duration::ZERO);
        let ask = |bucket: &str, output: &str| {
            let typed = "report --from 2026-07-01 --to 2026-09-30 --work-group evidence --database lake --no-population";
            let more = ["--evidence", bucket, "--output", output];
            run(
                &server,
                &[&typed.split(' ').collect::<Vec<_>>()[..], &more].concat(),
            )
        };
        for (bucket, head, words) in [
            (
                "hidden",
                serde_json::json!({"bucket": "hidden", "state": "hidden", "digest": "digests/2026/10/01.json"}),
                "a delete marker hides it",
            ),
            (
                "empty",
                serde_json::json!({"bucket": "empty", "state": "noDigest"}),
                "there is no digest",
            ),
        ] {
            let output = ask(bucket, "json");
            assert_eq!(output.status.code(), Some(1), "{}", told(&output));
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(report["head"], head);
            let output = ask(bucket, "table");
            let shown = [output.stdout, output.stderr].concat();
            let shown = String::from_utf8_lossy(&shown);
            assert!(shown.contains(words), "{shown}");
        }
    }

    #[test]
    fn coverage_is_asked_of_the_newest_inventories_of_both() {
        let server = Server::start(Aws::default(), Duration::ZERO);
        let typed = "coverage tax tax-replica --work-group evidence --database lake --inventory s3://inventories/all/ \
                     --inventory-id daily";
        let typed: Vec<_> = typed.split(' ').collect();
        let output = run(&server, &[&typed[..], &["--output", "csv"]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        let expected = "state,versions,replicas,judged\r\ncompliant,7,7,7\r\nno verdict,2,2,0\r\nnot covered,1,0,0\r\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        let output = run(
            &server,
            &[&typed[..], &["--list", "gaps", "--output", "csv"]].concat(),
        );
        let expected =
            "state,key,versionId,source,destination\r\nno verdict,a b,1,tax,tax-replica\r\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        // As S3 Batch Operations takes it: no heading.
        let output = run(&server, &[&typed[..], &["--list", "sweep"]].concat());
        let expected = "tax-replica,a%20b,1\ntax-replica,c%2Cd,\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        let known: BTreeSet<_> = EVIDENCE.iter().map(|(name, _)| *name).collect();
        let calls = server.calls();
        assert!(
            calls.iter().all(|call| known.contains(call.as_str())),
            "{calls:?}"
        );
    }

    #[test]
    fn athena_s_refusal_is_told_with_what_is_missing() {
        let aws = Aws {
            denied: "StartQueryExecution",
            ..Aws::default()
        };
        let server = Server::start(aws, Duration::ZERO);
        let asked =
            "report --from 2026-07-01 --to 2026-09-30 --work-group evidence --database lake";
        let output = run(&server, &asked.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2));
        for part in [
            "StartQueryExecution",
            "workgroup `evidence`",
            "us-east-1",
            "111122223333",
        ] {
            assert!(told(&output).contains(part), "{}", told(&output));
        }
    }
}
