//! `verify` as it is typed, on a copy of the evidence: whatever is changed, it names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ::evidence::{
    Day, Digest, Hash, Lake, Object, Previous, SCHEMA, STATEMENT_SCHEMA, Signature, SignedDigest,
    SignedStatement, Statement, digest_key,
};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use expectation::Time;
use proptest::prelude::*;
use serde_json::Value;

const BUCKET: &str = "evidence-111122223333";
const DAYS: usize = 4;

/// A directory that goes with the test.
struct Copy {
    root: PathBuf,
    key: EcdsaKeyPair,
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn day(number: usize) -> Day {
    (1..=number).fold("2026-10-30".parse().unwrap(), |day: Day, _| day.next())
}

fn object(number: usize, file: usize) -> (String, Vec<u8>) {
    let key = format!(
        "verdicts/account=111122223333/region=eu-west-1/bucket=copies/day={}/{file}.parquet",
        day(number)
    );
    let bytes = format!("PAR1 {number} {file} PAR1").repeat(file + 1);
    (key, bytes.into_bytes())
}

impl Copy {
    /// Four days with two objects each, signed.
    fn make() -> Self {
        let name = format!("evidence-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let copy = Self {
            root: std::env::temp_dir().join(name),
            key,
        };
        let mut previous = None;
        for number in 0..DAYS {
            let mut objects = Vec::new();
            for file in 0..2 {
                let (key, bytes) = object(number, file);
                objects.push(Object {
                    key: key.clone(),
                    version_id: format!("v{file}"),
                    size: bytes.len() as u64,
                    sha256: Hash::of(&bytes),
                });
                copy.write(&key, &bytes);
            }
            let digest = Digest {
                schema: SCHEMA.to_owned(),
                lake: Lake {
                    account: "111122223333".to_owned(),
                    region: "eu-west-1".to_owned(),
                    bucket: BUCKET.to_owned(),
                },
                day: day(number),
                previous: previous.take(),
                made: Time::from_secs(day(number).next().begins() + 7_200),
                key_arn: "arn:aws:kms:eu-west-1:111122223333:key/1".to_owned(),
                objects,
            };
            let signed = digest.in_order().to_bytes().unwrap();
            let signature = copy.key.sign(&SystemRandom::new(), &signed).unwrap();
            let file = SignedDigest::write(&signed, &Signature::new(signature.as_ref())).unwrap();
            let key = digest_key(day(number));
            previous = Some(Previous {
                key: key.clone(),
                sha256: Hash::of(&file),
            });
            copy.write(&key, &file);
        }
        fs::write(copy.root.join("public.key"), copy.key.public_key().as_ref()).unwrap();
        copy
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    fn write(&self, key: &str, bytes: &[u8]) {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Exit status, what is wrong, and what it comes to.
    fn verify(&self, more: &[&str]) -> (Option<i32>, Vec<Value>, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_encrypted-replication"));
        command
            .env_clear()
            .args(["verify", BUCKET, "--output", "json"]);
        command.arg("--directory").arg(&self.root);
        command.arg("--public-key").arg(self.path("public.key"));
        let output = command.args(more).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut lines: Vec<Value> = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {told}"));
        let summary = lines.pop().unwrap();
        (output.status.code(), lines, summary)
    }
}

fn names(faults: &[Value]) -> Vec<&str> {
    faults
        .iter()
        .filter_map(|fault| fault["fault"].as_str())
        .collect()
}

fn told_of(faults: &[Value], part: &str) -> bool {
    let mut reasons = faults.iter().filter_map(|fault| fault["reason"].as_str());
    reasons.any(|reason| reason.contains(part))
}

/// All files but the key.
fn files() -> Vec<String> {
    let of_day = |number| {
        let objects = (0..2).map(move |file| object(number, file).0);
        objects.chain([digest_key(day(number))])
    };
    (0..DAYS).flat_map(of_day).collect()
}

#[test]
fn what_is_whole_is_said_to_be_with_its_head() {
    let copy = Copy::make();
    let (status, faults, summary) = copy.verify(&[]);
    assert_eq!((status, faults.len()), (Some(0), 0), "{faults:#?}");
    let last = fs::read(copy.path(&digest_key(day(DAYS - 1)))).unwrap();
    let head = Hash::of(&last).to_string();
    assert_eq!(summary["head"], head.as_str());
    assert_eq!(
        [&summary["digests"], &summary["objects"], &summary["hashed"]],
        [4, 8, 8]
    );
    assert_eq!(copy.verify(&["--head", &head]).0, Some(0));
    assert_eq!(
        copy.verify(&["--from", "2026-10-31", "--to", "2026-11-01"])
            .0,
        Some(0)
    );
}

#[test]
fn what_was_taken_from_the_end_is_found_by_the_last_day_or_the_head() {
    let copy = Copy::make();
    let head = copy.verify(&[]).2["head"].as_str().unwrap().to_owned();
    fs::remove_file(copy.path(&digest_key(day(3)))).unwrap();
    for file in 0..2 {
        fs::remove_file(copy.path(&object(3, file).0)).unwrap();
    }
    assert_eq!(copy.verify(&[]).0, Some(0));
    let (status, faults, _) = copy.verify(&["--to", "2026-11-02"]);
    assert_eq!((status, names(&faults)), (Some(1), vec!["NoDigest"]));
    let (status, faults, _) = copy.verify(&["--head", &head]);
    assert_eq!((status, names(&faults)), (Some(1), vec!["OtherHead"]));
}

#[test]
fn days_that_changed_places_are_named() {
    let copy = Copy::make();
    let (one, other) = (
        copy.path(&digest_key(day(1))),
        copy.path(&digest_key(day(2))),
    );
    let bytes = fs::read(&one).unwrap();
    fs::copy(&other, &one).unwrap();
    fs::write(&other, bytes).unwrap();
    let (status, faults, _) = copy.verify(&[]);
    assert_eq!(status, Some(1));
    for part in [
        "digests/2026/10/31.json holds the digest of 2026-11-01: the days are out of order",
        "digests/2026/11/01.json holds the digest of 2026-10-31: the days are out of order",
    ] {
        assert!(told_of(&faults, part), "{faults:#?}");
    }
}

#[test]
fn what_was_added_is_named() {
    let copy = Copy::make();
    let key =
        "verdicts/account=111122223333/region=eu-west-1/bucket=copies/day=2026-10-31/x.parquet";
    copy.write(key, b"PAR1");
    let file = fs::File::options()
        .write(true)
        .open(copy.path(key))
        .unwrap();
    let time = u64::try_from(day(1).begins() + 60).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(time);
    file.set_modified(time).unwrap();
    let (status, faults, _) = copy.verify(&[]);
    assert_eq!(
        (status, names(&faults)),
        (Some(1), vec!["Extra"]),
        "{faults:#?}"
    );
    assert!(told_of(&faults, key));
}

#[test]
fn another_key_s_signatures_are_none_and_what_is_no_evidence_could_not_be_looked_at() {
    let (copy, other) = (Copy::make(), Copy::make());
    let key = other.path("public.key");
    let (status, faults, _) = {
        fs::copy(key, copy.path("public.key")).unwrap();
        copy.verify(&[])
    };
    assert_eq!((status, names(&faults)), (Some(1), vec!["NotSigned"; DAYS]));
    let run = |directory: &Path, key: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_encrypted-replication"));
        command.env_clear().args(["verify", BUCKET, "--directory"]);
        command.arg(directory).arg("--public-key").arg(key);
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (status, told) = run(&copy.path("nowhere"), &copy.path("public.key"));
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("there is no digest"), "{told}");
    let (status, told) = run(&copy.root, &copy.path(&digest_key(day(0))));
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("it is no public key"), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// One byte of whatever file, or the whole file: what is told names it, or its day.
    #[test]
    fn a_flipped_byte_or_a_missing_file_is_found_and_named(
        file in 0..3 * DAYS,
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        removed in any::<bool>(),
    ) {
        let copy = Copy::make();
        let key = &files()[file];
        let path = copy.path(key);
        if removed {
            fs::remove_file(&path).unwrap();
        } else {
            let mut bytes = fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            fs::write(&path, bytes).unwrap();
        }
        // The first and the last digest are missed by who says which days there must be.
        let (status, faults, summary) = copy.verify(&["--from", "2026-10-30", "--to", "2026-11-02"]);
        prop_assert_eq!(status, Some(1));
        prop_assert_eq!(&summary["whole"], &Value::Bool(false));
        let day = day(file / 3).to_string();
        let is_digest = file % 3 == 2;
        prop_assert!(
            told_of(&faults, key) || removed && is_digest && told_of(&faults, &day),
            "{} {:#?}", key, faults
        );
    }
}

/// Signs a report of these bytes, with the chain as it is.
fn sign(copy: &Copy, report: &[u8]) -> Vec<u8> {
    let head = digest_key(day(DAYS - 1));
    let statement = Statement {
        schema: STATEMENT_SCHEMA.to_owned(),
        lake: Lake {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            bucket: BUCKET.to_owned(),
        },
        sha256: Hash::of(report),
        head: Some(Previous {
            sha256: Hash::of(&fs::read(copy.path(&head)).unwrap()),
            key: head,
        }),
        at: Time::from_secs(day(DAYS).begins()),
        key_arn: "arn:aws:kms:eu-west-1:111122223333:key/1".to_owned(),
    };
    let signed = serde_json::to_vec(&statement).unwrap();
    let signature = copy.key.sign(&SystemRandom::new(), &signed).unwrap();
    SignedStatement::write(&signed, &Signature::new(signature.as_ref())).unwrap()
}

#[test]
fn a_report_is_as_it_was_signed_or_is_said_not_to_be() {
    let copy = Copy::make();
    let report = b"<html>all is well</html>";
    let statement = sign(&copy, report);
    let told = |report: &[u8], statement: &[u8], copy: &Copy| {
        let places = ["report.html", "statement.json"].map(|name| copy.path(name));
        fs::write(&places[0], report).unwrap();
        fs::write(&places[1], statement).unwrap();
        let [report, statement] = places.each_ref().map(|place| place.to_str().unwrap());
        copy.verify(&["--report", report, "--statement", statement])
    };
    let (status, faults, _) = told(report, &statement, &copy);
    assert_eq!((status, faults.len()), (Some(0), 0), "{faults:#?}");

    let differs = |report: &[u8], statement: &[u8], copy: &Copy, part: &str| {
        let (status, faults, _) = told(report, statement, copy);
        assert_eq!(status, Some(1));
        assert!(names(&faults).contains(&"OtherReport"), "{faults:#?}");
        assert!(told_of(&faults, part), "{part}: {faults:#?}");
    };
    differs(
        b"<html>all is swell</html>",
        &statement,
        &copy,
        "was signed",
    );
    let text = String::from_utf8(statement.clone()).unwrap();
    let forged = text.replacen(
        &Hash::of(report).to_string(),
        &Hash::of(b"other").to_string(),
        1,
    );
    differs(b"other", forged.as_bytes(), &copy, "not that of the key");
    differs(report, b"{}", &copy, "cannot be read");
    let elsewhere = text.replacen(BUCKET, "evidence-of-others", 1);
    differs(report, elsewhere.as_bytes(), &copy, "not that of the key");
    // Under another key.
    let other = Copy::make();
    differs(report, &sign(&other, report), &copy, "not that of the key");
    // The chain was made anew since, or has lost its end.
    fs::remove_file(copy.path(&digest_key(day(DAYS - 1)))).unwrap();
    differs(
        report,
        &statement,
        &copy,
        "with which the chain ended then, is missing",
    );
}
