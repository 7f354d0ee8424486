use super::*;
use crate::{Lake, Previous, SCHEMA, Signature};
use expectation::Time;

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1";

fn lake() -> Lake {
    Lake {
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        bucket: "evidence".to_owned(),
    }
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// An object of that many bytes, all of which are `x`.
fn object(name: &str, size: usize) -> Object {
    Object {
        key: format!("verdicts/account=1/region=r/bucket=b/day=2026-11-01/{name}.parquet"),
        version_id: "v".to_owned(),
        size: size as u64,
        sha256: Hash::of(&vec![b'x'; size]),
    }
}

/// A digest's key and its file.
type File = (String, Vec<u8>);

/// Stands for a signature that only the key's owner can make.
fn sign(signed: &[u8]) -> Vec<u8> {
    [b"secret", signed].concat()
}

fn verify(read: &SignedDigest) -> Result<(), String> {
    let right = read.signature.bytes()? == sign(&read.signed);
    right
        .then_some(())
        .ok_or_else(|| "the signature is of something else".to_owned())
}

fn file(digest: &Digest) -> File {
    let signed = digest.to_bytes().unwrap();
    let signature = Signature::new(&sign(&signed));
    let file = SignedDigest::write(&signed, &signature).unwrap();
    (digest_key(digest.day), file)
}

/// Five days from 2026-11-01, each with two objects, but for the third, with none.
fn five_days() -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    let mut today = day("2026-11-01");
    for number in 0..5_usize {
        let previous = files.last().map(|(key, file)| Previous {
            key: key.clone(),
            sha256: Hash::of(file),
        });
        let objects = match number {
            2 => Vec::new(),
            _ => vec![
                object(&format!("{number}-b"), number),
                object(&format!("{number}-a"), 7),
            ],
        };
        let digest = Digest {
            schema: SCHEMA.to_owned(),
            lake: lake(),
            day: today,
            previous,
            made: Time::from_secs(today.next().begins() + 7200),
            key_arn: KEY.to_owned(),
            objects,
        };
        files.push(file(&digest.in_order()));
        today = today.next();
    }
    files
}

fn checked_from(first: &str, files: &[File]) -> Chain {
    let mut chain = Chain::new("evidence", day(first));
    for (key, file) in files {
        let digest = chain.digest(key, file, verify);
        for object in digest.iter().flat_map(|digest| &digest.objects) {
            let (size, sha256) = (object.size, object.sha256);
            chain.object(key, object, Found::Bytes { size, sha256 });
        }
    }
    chain
}

fn checked(files: &[File]) -> Outcome {
    checked_from("2026-11-01", files).finish(day("2026-11-05"), None)
}

fn names(outcome: &Outcome) -> Vec<&str> {
    outcome.faults.iter().map(Fault::name).collect()
}

fn told(outcome: &Outcome) -> Vec<String> {
    outcome.faults.iter().map(Fault::to_string).collect()
}

#[test]
fn a_whole_chain_has_no_fault() {
    let files = five_days();
    let outcome = checked(&files);
    assert_eq!(outcome.faults, []);
    assert_eq!(
        (outcome.digests, outcome.objects, outcome.hashed),
        (5, 8, 8)
    );
    assert_eq!(outcome.head, Some(Hash::of(&files[4].1)));
}

#[test]
fn a_digest_is_read_with_its_objects_in_order() {
    let digest = SignedDigest::read(&five_days()[0].1).unwrap().digest;
    let keys: Vec<_> = digest.objects.iter().map(|object| &object.key).collect();
    assert!(keys[0] < keys[1]);
}

/// Whatever byte of whatever digest is flipped, some fault names that digest, or the next one names it.
#[test]
fn any_flipped_byte_of_a_digest_is_found() {
    let files = &five_days()[3..];
    for place in 0..files.len() {
        for at in 0..files[place].1.len() {
            let mut files = files.to_vec();
            files[place].1[at] ^= 1;
            let outcome = checked_from("2026-11-04", &files).finish(day("2026-11-05"), None);
            let key = &files[place].0;
            assert!(
                told(&outcome).iter().any(|text| text.contains(key)),
                "byte {at} of {key}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_flipped_byte_of_an_object_is_found() {
    let files = five_days();
    let mut chain = checked_from("2026-11-01", &files);
    let sealed = object("0-a", 7);
    let sha256 = Hash::of(b"xxxyxxx");
    chain.object(&files[0].0, &sealed, Found::Bytes { size: 7, sha256 });
    let outcome = chain.finish(day("2026-11-05"), None);
    assert_eq!(
        told(&outcome),
        [format!(
            "{} (version v) was changed: 7 bytes of SHA-256 {sha256}, and digests/2026/11/01.json says 7 bytes of \
             SHA-256 {}",
            sealed.key, sealed.sha256
        )]
    );
}

#[test]
fn a_missing_object_is_named_and_one_that_cannot_be_read_is_not_called_missing() {
    let files = five_days();
    let mut chain = checked_from("2026-11-01", &files);
    chain.object(&files[0].0, &object("0-a", 7), Found::Nothing);
    chain.object(
        &files[1].0,
        &object("1-a", 7),
        Found::Unknown("AccessDenied".to_owned()),
    );
    let outcome = chain.finish(day("2026-11-05"), None);
    assert_eq!(names(&outcome), ["Missing", "NotRead"]);
    assert!(told(&outcome)[0].contains("/0-a.parquet (version v) is missing"));
    assert!(told(&outcome)[1].ends_with("could not be read: AccessDenied"));
}

#[test]
fn a_missing_digest_is_named_by_its_day() {
    let mut files = five_days();
    files.remove(2);
    assert_eq!(
        told(&checked(&files)),
        [
            "2026-11-03 has no digest: nothing shows what was written on that day",
            "digests/2026/11/04.json follows digests/2026/11/03.json, and digests/2026/11/02.json stands before it: \
             a digest is missing, added or out of order",
        ]
    );
}

#[test]
fn missing_first_and_last_days_are_named() {
    let files = five_days();
    let outcome = checked(&files[1..3]);
    let days: Vec<_> = outcome
        .faults
        .iter()
        .map(|fault| match fault {
            Fault::NoDigest { day } => day.to_string(),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(days, ["2026-11-01", "2026-11-04", "2026-11-05"]);
}

#[test]
fn no_digest_at_all_is_told_for_each_day() {
    assert_eq!(names(&checked(&[])), ["NoDigest"; 5]);
}

#[test]
fn days_that_changed_places_are_found() {
    let mut files = five_days();
    let second = files[1].1.clone();
    files[1].1 = std::mem::replace(&mut files[3].1, second);
    let outcome = checked(&files);
    let told = told(&outcome);
    for text in [
        "digests/2026/11/02.json holds the digest of 2026-11-04: the days are out of order",
        "digests/2026/11/04.json holds the digest of 2026-11-02: the days are out of order",
    ] {
        assert!(told.iter().any(|found| found == text), "{told:#?}");
    }
}

#[test]
fn a_digest_that_was_made_anew_without_the_key_is_found() {
    let mut files = five_days();
    let mut digest = SignedDigest::read(&files[1].1).unwrap().digest;
    digest.objects.remove(0);
    let signed = digest.to_bytes().unwrap();
    let forged = SignedDigest::write(&signed, &Signature::new(&signed)).unwrap();
    files[1].1 = forged;
    let outcome = checked(&files);
    assert_eq!(names(&outcome), ["NotSigned", "PreviousChanged"]);
    assert!(
        told(&outcome)[1]
            .starts_with("digests/2026/11/02.json was changed after digests/2026/11/03.json")
    );
}

/// Whoever has the key can make one digest anew, and not the hash by which the next one names it.
#[test]
fn a_digest_that_was_made_anew_with_the_key_is_found_too() {
    let mut files = five_days();
    let mut digest = SignedDigest::read(&files[1].1).unwrap().digest;
    digest.objects.remove(0);
    files[1] = file(&digest);
    assert_eq!(names(&checked(&files)), ["PreviousChanged"]);
}

#[test]
fn a_chain_that_was_cut_off_is_found_by_its_known_head() {
    let files = five_days();
    let head = Hash::of(&files[4].1);
    let whole = checked_from("2026-11-01", &files).finish(day("2026-11-05"), Some(head));
    assert_eq!(whole.faults, []);
    let cut = checked_from("2026-11-01", &files[..4]).finish(day("2026-11-04"), Some(head));
    assert_eq!(names(&cut), ["OtherHead"]);
}

#[test]
fn the_digest_of_another_lake_is_none_of_this() {
    let mut chain = Chain::new("other", day("2026-11-01"));
    let (key, file) = &five_days()[0];
    chain.digest(key, file, verify);
    assert_eq!(names(&chain.finish(day("2026-11-01"), None)), ["OtherLake"]);
}

#[test]
fn what_no_digest_lists_is_extra_once_its_day_is_sealed() {
    let files = five_days();
    let mut chain = checked_from("2026-11-01", &files);
    let sealed = object("0-a", 7);
    chain.listed(&sealed.key, "v", day("2026-11-01"));
    chain.listed(&sealed.key, "v2", day("2026-11-03"));
    chain.listed("verdicts/before", "v", day("2026-10-01"));
    chain.listed("verdicts/after", "v", day("2026-11-06"));
    let outcome = chain.finish(day("2026-11-05"), None);
    assert_eq!(outcome.not_sealed_yet, 1);
    assert_eq!(
        told(&outcome),
        [
            format!(
                "{} (version v2), of 2026-11-03, is in no digest: it was added after that day was sealed",
                sealed.key
            ),
            "verdicts/before (version v), of 2026-10-01, is in no digest: it was added after that day was sealed"
                .to_owned(),
        ]
    );
}

/// Who looks at a month asks nothing about the months before.
#[test]
fn what_was_before_the_days_that_are_looked_at_is_not_extra() {
    let files = five_days();
    let mut chain = checked_from("2026-11-03", &files[1..]);
    chain.listed(&object("0-a", 7).key, "v", day("2026-11-01"));
    assert_eq!(chain.finish(day("2026-11-05"), None).faults, []);
}

#[test]
fn an_object_stands_in_one_digest_once() {
    let files = five_days();
    let mut digest = SignedDigest::read(&files[1].1).unwrap().digest;
    digest.objects.push(object("0-a", 7));
    let mut repeated = digest.clone();
    digest.objects.sort_unstable();
    repeated.objects = vec![object("1-a", 7), object("1-a", 7)];
    let of = |digest: &Digest| {
        let files = [files[0].clone(), file(digest)];
        checked_from("2026-11-01", &files).finish(day("2026-11-02"), None)
    };
    assert_eq!(names(&of(&digest)), ["Twice"]);
    assert_eq!(names(&of(&repeated)), ["OutOfOrder"]);
}
