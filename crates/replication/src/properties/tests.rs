//! Every property read, every fault told.

use serde_json::{Value, json};

use super::{Sound, read};
use crate::configuration::{Exclusions, Status, Tag};
use crate::owner::Owner;
use crate::replication::Installation;
use crate::spec::{OnDeleteBuckets, OnDeleteKeys, Spec, Verification, WhenMissing};

fn owner() -> Owner {
    Owner::new("stack", "Replication", "source")
}

fn spec(properties: &Value) -> Result<Spec, Vec<String>> {
    let properties = properties.as_object().unwrap();
    read(properties, &crate::replication::example_home(), &owner())
        .map_err(crate::fault::Faults::by_place)
}

/// The least that is needed, with `rule` laid over its rule and `more` over the properties.
fn with(rule: &Value, more: &Value) -> Value {
    let mut properties = json!({
        "SourceBucket": "source",
        "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::destination"}}],
    });
    lay(&mut properties["Rules"][0], rule);
    lay(&mut properties, more);
    properties
}

fn lay(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                lay(under.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

#[test]
fn the_least_that_is_given_gets_every_default() {
    let spec = spec(&with(&json!({}), &json!({}))).unwrap();
    assert_eq!(spec.source_region, "us-east-1");
    assert_eq!(spec.source_kms_keys, Vec::<String>::new());
    assert_eq!((spec.role, spec.permissions_boundary), (None, None));
    assert_eq!(spec.when_missing, WhenMissing::Create);
    assert_eq!(spec.verification, Verification::BestEffort);
    assert_eq!(spec.on_delete_buckets, OnDeleteBuckets::Retain);
    assert_eq!(spec.on_delete_keys, OnDeleteKeys::Retain);
    let rule = &spec.rules[0];
    assert_eq!(rule.destination_bucket, "destination");
    assert_eq!(rule.destination_region, None);
    let rule = &rule.rule;
    assert_eq!(rule.id, format!("{}-1", owner()));
    assert_eq!((rule.priority, rule.status), (None, Status::Enabled));
    assert_eq!(rule.delete_marker_replication, Some(Status::Disabled));
    assert_eq!(rule.sse_kms_encrypted_objects, Some(Status::Enabled));
    assert_eq!(rule.filter.as_ref().unwrap().prefix, "");
    let metrics = rule.destination.metrics.as_ref().unwrap();
    assert_eq!((metrics.status, metrics.minutes), (Status::Enabled, None));
    assert_eq!(rule.destination.replication_time, None);
}

#[test]
fn everything_that_is_given_is_read_in_either_spelling_and_as_strings() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1";
    let rule = json!({
        "ID": "tax", "Priority": "7", "Status": "Disabled",
        "Filter": {"And": {"Prefix": "Tax/", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"},
                                    "ReplicaModifications": {"Status": "Enabled"}},
        "Destination": {
            "Account": "111122223333", "StorageClass": "GLACIER_IR",
            "AccessControlTranslation": {"Owner": "Destination"},
            "EncryptionConfiguration": {"ReplicaKmsKeyID": key},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": "15"}},
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
        },
    });
    let more = json!({
        "SourceRegion": "eu-north-1", "SourceKmsKeyArns": ["alias/a"],
        "PermissionsBoundary": "arn:aws:iam::111122223333:policy/b",
        "WhenMissing": "Fail", "Verification": "Required",
        "OnDelete": {"Buckets": "DeleteWhenEmpty", "Keys": "ScheduleDeletion"},
    });
    let spec = spec(&with(&rule, &more)).unwrap();
    assert_eq!(spec.source_region, "eu-north-1");
    assert_eq!(spec.source_kms_keys, ["alias/a"]);
    assert_eq!(spec.when_missing, WhenMissing::Fail);
    assert_eq!(spec.verification, Verification::Required);
    assert_eq!(spec.on_delete_buckets, OnDeleteBuckets::DeleteWhenEmpty);
    assert_eq!(spec.on_delete_keys, OnDeleteKeys::ScheduleDeletion);
    let rule = &spec.rules[0];
    // The key's ARN says where the bucket is.
    assert_eq!(rule.destination_region.as_deref(), Some("eu-west-1"));
    let rule = &rule.rule;
    assert_eq!(rule.id, format!("{}-tax", owner()));
    assert_eq!((rule.priority, rule.status), (Some(7), Status::Disabled));
    let tag = |key: &str, value: &str| Tag {
        key: key.into(),
        value: value.into(),
    };
    let filter = rule.filter.as_ref().unwrap();
    assert_eq!(filter.prefix, "Tax/");
    assert_eq!(filter.tags, [tag("a", "1"), tag("b", "2")]);
    assert_eq!(rule.replica_modifications, Some(Status::Enabled));
    let destination = &rule.destination;
    assert_eq!(destination.storage_class.as_deref(), Some("GLACIER_IR"));
    assert_eq!(destination.owner_override.as_deref(), Some("Destination"));
    assert_eq!(destination.replica_kms_key_id.as_deref(), Some(key));
    assert_eq!(destination.metrics, destination.replication_time);
    assert_eq!(destination.metrics.as_ref().unwrap().minutes, Some(15));
}

#[test]
fn a_single_tag_is_a_filter_in_both_spellings() {
    for name in ["Tag", "TagFilter"] {
        let rule = json!({"Filter": {name: {"Key": "k", "Value": ""}}});
        let spec = spec(&with(&rule, &json!({}))).unwrap();
        assert_eq!(spec.rules[0].rule.filter.as_ref().unwrap().tags[0].key, "k");
    }
}

#[test]
fn a_pasted_configuration_means_what_it_says_and_role_beside_it_wins() {
    let pasted = json!({"Role": "arn:aws:iam::111122223333:role/theirs",
                        "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::destination"}}]});
    let properties = json!({"SourceBucket": "source", "Rules": pasted});
    let role = |properties: &Value| spec(properties).unwrap().role.unwrap();
    assert!(role(&properties).ends_with("role/theirs"));
    let mut beside = properties;
    beside["Role"] = json!("arn:aws:iam::111122223333:role/beside");
    assert!(role(&beside).ends_with("role/beside"));
}

/// As the pages of the AWS CLI and of the S3 API show a configuration.
#[test]
fn a_configuration_is_taken_however_it_is_wrapped() {
    let rules = json!([{"ID": "tax", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": "Tax"},
                        "Destination": {"Bucket": "arn:aws:s3:::destination"}}]);
    let configuration = json!({"Role": "arn:aws:iam::111122223333:role/theirs", "Rules": rules});
    let wrapped = json!({"ReplicationConfiguration": configuration});
    let skeleton = json!({"Bucket": "source", "ReplicationConfiguration": configuration});
    for properties in [
        json!({"SourceBucket": "source", "Rules": configuration}),
        json!({"SourceBucket": "source", "Rules": wrapped}),
        json!({"SourceBucket": "source", "Rules": skeleton}),
        json!({"Rules": skeleton}),
        json!({"SourceBucket": "source", "ReplicationConfiguration": configuration}),
        json!({"SourceBucket": "source", "Role": "arn:aws:iam::111122223333:role/theirs", "Rules": {"Rules": rules}}),
    ] {
        let spec = spec(&properties).unwrap();
        assert_eq!(spec.source_bucket, "source", "{properties}");
        assert_eq!(
            spec.role.as_deref(),
            Some("arn:aws:iam::111122223333:role/theirs"),
            "{properties}"
        );
        assert_eq!(spec.rules[0].rule.filter.as_ref().unwrap().prefix, "Tax");
    }
    // What is written beside it counts.
    let beside = json!({"SourceBucket": "other", "Rules": skeleton, "Role": "arn:aws:iam::111122223333:role/own"});
    let spec = spec(&beside).unwrap();
    assert_eq!(
        (spec.source_bucket.as_str(), spec.role.as_deref()),
        ("other", Some("arn:aws:iam::111122223333:role/own"))
    );
}

#[test]
fn a_bucket_older_than_the_rules_for_names_is_taken_where_it_can_be() {
    for name in [
        "ABCD_Central_1",
        "old_bucket",
        "Under_score.and.DOT-",
        "tax-documents",
    ] {
        let arn = format!("arn:aws:s3:::{name}");
        for (rule, more) in [
            (json!({}), json!({"SourceBucket": name})),
            (
                json!({}),
                json!({"SourceBucket": name, "SourceRegion": "us-east-1"}),
            ),
            (json!({"Destination": {"Bucket": arn}}), json!({})),
            (
                json!({"Destination": {"Bucket": arn, "Region": "us-east-1"}}),
                json!({}),
            ),
        ] {
            assert_eq!(spec(&with(&rule, &more)).err(), None, "{rule} {more}");
        }
    }
}

#[test]
fn a_region_that_is_new_is_no_fault() {
    for region in ["us-north-9", "ap-southeast-12", "mx-central-1", "us-west-2"] {
        let rule = json!({"Destination": {"Region": region}});
        assert_eq!(spec(&with(&rule, &json!({}))).err(), None, "{region}");
    }
}

#[test]
fn the_name_that_is_missing_is_the_one_that_was_meant() {
    let rules = json!([{"Destination": {"Bucket": "arn:aws:s3:::destination"}}]);
    let role = "arn:aws:iam::111122223333:role/r";
    for (properties, meant) in [
        (json!({"SourceBucket": "source", "Rule": rules}), "Rules"),
        (
            json!({"SourceBucket": "source", "Rule": rules, "Role": role}),
            "Rules",
        ),
        (
            json!({"SourceBucket": "source", "Roles": role, "Rules": rules}),
            "Role",
        ),
        (json!({"Bucket": "source", "Rules": rules}), "SourceBucket"),
        (
            json!({"SourceBucket": "source", "Rules": rules, "SourceRegoin": "us-east-1"}),
            "SourceRegion",
        ),
    ] {
        let faults = spec(&properties).unwrap_err();
        let told = format!("did you mean `{meant}`?");
        assert!(
            faults.iter().any(|fault| fault.ends_with(&told)),
            "{meant}: {faults:?}"
        );
    }
}

#[test]
fn faults_are_numbered_a_line_each_and_no_more_than_an_answer_holds() {
    let faults = |properties: &Value| {
        let faults = read(
            properties.as_object().unwrap(),
            &crate::replication::example_home(),
            &owner(),
        );
        faults.unwrap_err().to_string()
    };
    let one = faults(&with(&json!({}), &json!({"OnDelet": {}})));
    assert_eq!(
        one,
        "1 fault in the properties: `OnDelet`: is not a property here; did you mean `OnDelete`?"
    );
    let two = faults(&with(&json!({"Priority": -1}), &json!({"OnDelet": {}})));
    assert_eq!(
        two,
        "2 faults in the properties: \n1. `OnDelet`: is not a property here; did you mean `OnDelete`?\n\
         2. `Rules[0].Priority`: must be between 0 and 2147483647, is -1"
    );
    let rule = json!({"Status": "on", "Destination": {"Bucket": "arn:aws:s3:::destination"}});
    let many = faults(&json!({"SourceBucket": "source", "Rules": vec![rule; 500]}));
    assert!(
        many.starts_with("500 faults in the properties: \n1. "),
        "{many}"
    );
    let lines = many.lines().count() - 2;
    assert!(
        many.ends_with(&format!("\n… and {} more", 500 - lines)),
        "{many}"
    );
    assert!(many.len() < 3_000, "{}", many.len());
}

#[test]
fn exclusions_are_read_in_every_form_and_spelling() {
    let not = |filter: &Value| {
        let spec = spec(&with(&json!({"Filter": filter}), &json!({}))).unwrap();
        let filter = spec.rules[0].rule.filter.clone().unwrap();
        (filter.prefix, filter.not)
    };
    let tag = Tag {
        key: "k".into(),
        value: "v".into(),
    };
    let exclusions = |prefixes: &[&str], tags: &[Tag]| Exclusions {
        prefixes: prefixes.iter().map(|one| (*one).into()).collect(),
        tags: tags.to_vec(),
    };
    let given = json!({"Key": "k", "Value": "v"});
    let cases = [
        (json!({"Not": {"Prefix": "a"}}), "", exclusions(&["a"], &[])),
        (
            json!({"Not": {"Tag": given}}),
            "",
            exclusions(&[], std::slice::from_ref(&tag)),
        ),
        (
            json!({"Not": {"TagFilter": given}}),
            "",
            exclusions(&[], std::slice::from_ref(&tag)),
        ),
        (
            json!({"Not": {"Or": {"Prefixes": ["a", "b"], "Tags": [given]}}}),
            "",
            exclusions(&["a", "b"], std::slice::from_ref(&tag)),
        ),
        (
            json!({"And": {"Prefix": "x/", "Not": {"Or": {"Prefixes": ["x/a"], "TagFilters": [given]}}}}),
            "x/",
            exclusions(&["x/a"], std::slice::from_ref(&tag)),
        ),
    ];
    for (filter, prefix, expected) in cases {
        assert_eq!(not(&filter), (prefix.to_owned(), expected), "{filter}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_thing_that_s3_would_refuse_or_not_do_is_told() {
    let replica_key =
        |key: &str| json!({"Destination": {"EncryptionConfiguration": {"ReplicaKmsKeyID": key}}});
    let none = json!({});
    let cases: Vec<(Value, Value, &str)> = vec![
        (
            json!({"Id": "ä"}),
            none.clone(),
            "Rules[0].Id: `ä` has characters other than printable ASCII",
        ),
        (
            json!({"Filter": {"Prefix": "a", "TagFilter": {"Key": "k", "Value": "v"}}}),
            none.clone(),
            "Rules[0].Filter: has more than one of",
        ),
        (
            json!({"Filter": {"And": {"TagFilters": [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]}}}),
            none.clone(),
            "Rules[0].Filter: has the same tag key twice",
        ),
        (
            json!({"Filter": {"Prefix": "a\u{1}"}}),
            none.clone(),
            "Rules[0].Filter: has the control character U+0001",
        ),
        (
            json!({"Filter": {"Tag": {"Key": "k", "Value": "v"}}, "DeleteMarkerReplication": {"Status": "Enabled"}}),
            none.clone(),
            "Rules[0].DeleteMarkerReplication: cannot be Enabled",
        ),
        (
            json!({"Destination": {"EncryptionConfiguration": {"UseSourceMultiRegionKey": {"Status": "Enabled"}}}}),
            none.clone(),
            "Rules[0].Destination.EncryptionConfiguration.UseSourceMultiRegionKey: needs `ReplicaKmsKeyID`",
        ),
        (
            json!({"Filter": {"Prefix": "a", "Not": {"Prefix": "ab"}}}),
            none.clone(),
            "Rules[0].Filter: has more than one of `Prefix`, `TagFilter`, `And` and `Not`",
        ),
        (
            json!({"Filter": {"Not": {}}}),
            none.clone(),
            "Rules[0].Filter.Not: needs one of",
        ),
        (
            json!({"Filter": {"Not": {"Prefix": "a", "Or": {"Prefixes": ["b"]}}}}),
            none.clone(),
            "Rules[0].Filter.Not: has more than one of",
        ),
        (
            json!({"Filter": {"Not": {"Or": {}}}}),
            none.clone(),
            "Rules[0].Filter.Not: has an empty `Or`",
        ),
        (
            json!({"Filter": {"And": {"Prefix": "a/b/", "Not": {"Prefix": "a/"}}}}),
            none.clone(),
            "Rules[0].Filter.Not: leaves out every object of the rule",
        ),
        (
            json!({"Filter": {"Not": {"Tag": {"Key": "k", "Value": "v"}}}, "DeleteMarkerReplication": {"Status": "Enabled"}}),
            none.clone(),
            "Rules[0].DeleteMarkerReplication: cannot be Enabled",
        ),
        (
            json!({"SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Disabled"}}}),
            none.clone(),
            "Rules[0].SourceSelectionCriteria.SseKmsEncryptedObjects: must be Enabled",
        ),
        (
            json!({"Prefix": "a"}),
            none.clone(),
            "Rules[0].Prefix: belongs to S3's V1 schema",
        ),
        (
            json!({"ExistingObjectReplication": {"Status": "Enabled"}}),
            none.clone(),
            "Rules[0].ExistingObjectReplication: is no longer supported",
        ),
        (
            json!({"Destination": {"Bucket": "arn:aws-cn:s3:::destination"}}),
            none.clone(),
            "Rules[0].Destination.Bucket: is in partition aws-cn",
        ),
        (
            json!({"Destination": {"Bucket": "arn:aws:s3:::source"}}),
            none.clone(),
            "Rules[0].Destination.Bucket: is the source bucket itself",
        ),
        (
            json!({"Destination": {"Bucket": "arn:aws:s3:::NO"}}),
            none.clone(),
            "Rules[0].Destination.Bucket: `NO` is no bucket name",
        ),
        (
            json!({"Destination": {"Bucket": "arn:aws:s3:::b/key"}}),
            none.clone(),
            "Rules[0].Destination.Bucket: `arn:aws:s3:::b/key` is not a bucket's ARN",
        ),
        (
            json!({"Destination": {"Region": "*"}}),
            none.clone(),
            "Rules[0].Destination.Region: `*` is no Region",
        ),
        (
            none.clone(),
            json!({"SourceRegion": "us-east-1.example.com"}),
            "SourceRegion: `us-east-1.example.com` is no Region",
        ),
        (
            json!({"Destination": {"Account": "444455556666", "EncryptionConfiguration":
                {"ReplicaKmsKeyID": "arn:aws:kms:us-west-2:444455556666:key/*"}}}),
            none.clone(),
            "ReplicaKmsKeyID: `arn:aws:kms:us-west-2:444455556666:key/*` is not the ARN of a KMS key",
        ),
        (
            none.clone(),
            json!({"Role": "arn:aws:iam::111122223333:role/*"}),
            "Role: `arn:aws:iam::111122223333:role/*` is not the ARN of an IAM role",
        ),
        (
            none.clone(),
            json!({"SourceKmsKeyArns": ["arn:aws:kms:*:111122223333:key/a"]}),
            "SourceKmsKeyArns[0]: `arn:aws:kms:*:111122223333:key/a` names no Region and account",
        ),
        (
            json!({"Destination": {"Account": "44445555666x"}}),
            none.clone(),
            "Rules[0].Destination.Account: must be twelve digits",
        ),
        (
            json!({"Destination": {"Account": "444455556666", "Region": "us-west-2"}}),
            none.clone(),
            "ReplicaKmsKeyID: must be the ARN of a key (`arn:…:key/…`), as the bucket is in another account",
        ),
        (
            json!({"Destination": {"AssumeRoleArn": "x"}}),
            none.clone(),
            "Rules[0].Destination.AssumeRoleArn: `x` is not the ARN of an IAM role",
        ),
        (
            json!({"Destination": {"AssumeRoleArn": "arn:aws:iam::111122223333:role/r"}}),
            none.clone(),
            "Rules[0].Destination.AssumeRoleArn: is a role of this account",
        ),
        (
            json!({"Destination": {"Account": "777788889999", "AssumeRoleArn": "arn:aws:iam::444455556666:role/r"}}),
            none.clone(),
            "Rules[0].Destination.AssumeRoleArn: is in account 444455556666, `Account` says 777788889999",
        ),
        (
            json!({"Destination": {"AccessControlTranslation": {"Owner": "Destination"}}}),
            none.clone(),
            "Rules[0].Destination.AccessControlTranslation: needs `Destination.Account`",
        ),
        (
            json!({"Destination": {"ReplicationTime": {"Status": "Enabled"}, "Metrics": {"Status": "Disabled"}}}),
            none.clone(),
            "Rules[0].Destination.ReplicationTime: needs `Metrics` Enabled",
        ),
        (
            json!({"Destination": {"Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}}}),
            none.clone(),
            "Rules[0].Destination.Metrics.EventThreshold: goes with `ReplicationTime` only",
        ),
        (
            json!({"Destination": {"ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 10}}}}),
            none.clone(),
            "Rules[0].Destination.ReplicationTime.Time.Minutes: must be 15, is 10",
        ),
        (
            replica_key("no key"),
            none.clone(),
            "is neither a key's ARN, nor its id, nor an alias",
        ),
        (
            replica_key("arn:aws:s3:::b"),
            none.clone(),
            "`arn:aws:s3:::b` is not the ARN of a KMS key",
        ),
        (
            replica_key("arn:aws-cn:kms:cn-north-1:1:key/1"),
            none.clone(),
            "is in partition aws-cn, the stack in aws",
        ),
        (
            json!({"Priority": -1}),
            none.clone(),
            "Rules[0].Priority: must be between 0 and 2147483647, is -1",
        ),
        (
            none.clone(),
            json!({"SourceBucket": "a..b"}),
            "SourceBucket: `a..b` is no bucket name",
        ),
        (
            none.clone(),
            json!({"SourceKmsKeyArns": ["arn:aws:kms:us-west-2:1:key/1"]}),
            "SourceKmsKeyArns[0]: is in us-west-2, its bucket in us-east-1",
        ),
        (
            none.clone(),
            json!({"Role": "r"}),
            "Role: `r` is not an ARN",
        ),
        (
            none.clone(),
            json!({"Role": "arn:aws:iam::111122223333:user/u"}),
            "is not the ARN of an IAM role",
        ),
        (
            none.clone(),
            json!({"Role": "arn:aws:iam::444455556666:role/r"}),
            "Role: is in account 444455556666",
        ),
        (
            none.clone(),
            json!({"Role": "arn:aws:iam::111122223333:role/r",
                              "PermissionsBoundary": "arn:aws:iam::111122223333:policy/b"}),
            "PermissionsBoundary: is for a role of ours",
        ),
        (
            none.clone(),
            json!({"PermissionsBoundary": "arn:aws:iam::111122223333:role/b"}),
            "PermissionsBoundary: `arn:aws:iam::111122223333:role/b` is not the ARN of an IAM policy",
        ),
        (
            json!({"Destination": {"AssumeRoleArn": "arn:aws:iam::444455556666:role/encrypted-replication/r"}}),
            json!({"ExistingObjects": "Replicate"}),
            "ExistingObjects: `Replicate` needs a destination bucket of this account",
        ),
        (
            json!({"Destination": {"AssumeRoleArn": "arn:aws:iam::444455556666:role/r"}}),
            none.clone(),
            "Rules[0].Destination.AssumeRoleArn: `arn:aws:iam::444455556666:role/r` is not under the path /encrypted-replication/",
        ),
        (
            json!({"Destination": {"AssumeRoleArn": "arn:aws:iam::444455556666:role/admin/encrypted-replication/r"}}),
            none.clone(),
            "is not under the path /encrypted-replication/",
        ),
        (
            json!({"Destination": {"ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": "30"}}}}),
            none.clone(),
            "Rules[0].Destination.ReplicationTime.Time.Minutes: must be 15, is 30",
        ),
        (
            json!({"Destination": {"Bucket": "arn:aws:s3:::old_bucket", "Region": "us-west-2"}}),
            none.clone(),
            "Rules[0].Destination.Bucket: `old_bucket` is no bucket name",
        ),
        (
            none.clone(),
            json!({"SourceBucket": "ABCD_Central_1", "SourceRegion": "eu-west-1"}),
            "SourceBucket: `ABCD_Central_1` is no bucket name",
        ),
        (
            none.clone(),
            json!({"SourceBucket": "a".repeat(256)}),
            "SourceBucket: has 256 bytes, S3 takes at most 255",
        ),
        (
            none.clone(),
            json!({"SourceBucket": "a b c"}),
            "SourceBucket: `a b c` is no bucket name",
        ),
        (
            none.clone(),
            json!({"SourceBucket": "arn:aws:s3:::tax-documents"}),
            "SourceBucket: `arn:aws:s3:::tax-documents` is no bucket name but an ARN; write the name alone, tax-documents",
        ),
        (
            none.clone(),
            json!({"SourceKmsKeyArns": ["arn:aws:kms:us-east-1::key/1"]}),
            "SourceKmsKeyArns[0]: `arn:aws:kms:us-east-1::key/1` names no account",
        ),
        (
            replica_key("arn:aws:kms:us-west-2:11112222333:key/1"),
            none.clone(),
            "`arn:aws:kms:us-west-2:11112222333:key/1` names no account",
        ),
        (
            replica_key("arn:aws:kms:us-west-2:1111222233334:alias/a"),
            none.clone(),
            "names no account",
        ),
        (
            json!({"Destination": {"Region": "us-west-2a"}}),
            none.clone(),
            "Rules[0].Destination.Region: `us-west-2a` is an Availability Zone; write its Region, us-west-2",
        ),
        (
            json!({"Destination": {"Region": "US-WEST-2"}}),
            none.clone(),
            "Rules[0].Destination.Region: `US-WEST-2` is no Region",
        ),
        (
            json!({"Destination": {"Region": "us-west"}}),
            none.clone(),
            "`us-west` is no Region; write it as us-east-1",
        ),
        (
            json!({"Destination": {"Region": "cn-north-1"}}),
            none.clone(),
            "Rules[0].Destination.Region: cn-north-1 is in partition aws-cn; replication stays in one partition, here aws",
        ),
        (
            none.clone(),
            json!({"SourceRegion": "us-gov-west-1"}),
            "SourceRegion: us-gov-west-1 is in partition aws-us-gov",
        ),
        (
            none.clone(),
            json!({"Rules": {"ReplicationConfiguration": {"Rules": [], "Roles": "x"}}}),
            "Rules: must be a list, is an object",
        ),
        (
            none.clone(),
            json!({"Rules": {"Rulez": [{}]}}),
            "Rules: must be a list, is an object; its `Rulez` is one",
        ),
        (
            none.clone(),
            json!({"Rules": []}),
            "Rules: must have 1 to 1000 entries, has 0",
        ),
    ];
    for (rule, more, expected) in cases {
        let faults = spec(&with(&rule, &more)).unwrap_err();
        assert_eq!(faults.len(), 1, "{expected}: {faults:?}");
        assert!(faults[0].contains(expected), "{} / {expected}", faults[0]);
    }
}

#[test]
fn rules_must_not_put_one_bucket_in_two_regions() {
    let rule = |prefix: &str, region: &str| json!({"Filter": {"Prefix": prefix}, "Destination": {"Bucket": "arn:aws:s3:::d-1", "Region": region}});
    let properties = json!({"SourceBucket": "source", "Rules": [rule("a", "us-west-2"), rule("b", "eu-west-1")]});
    assert_eq!(
        spec(&properties).unwrap_err(),
        [
            "Rules[1].Destination: puts bucket `d-1` in eu-west-1, Rules[0] in us-west-2; a bucket has one Region"
        ]
    );
}

#[test]
fn rules_must_not_put_one_bucket_in_two_accounts() {
    let rule = |prefix: &str, role: &str| {
        json!({"Filter": {"Prefix": prefix}, "Destination": {"Bucket": "arn:aws:s3:::d-1",
               "AssumeRoleArn": format!("arn:aws:iam::444455556666:role/encrypted-replication/{role}")}})
    };
    let properties = json!({"SourceBucket": "source", "Rules": [rule("a", "r"), rule("b", "s")]});
    assert_eq!(
        spec(&properties).unwrap_err(),
        [
            "Rules[1].Destination: says another `Account` or `AssumeRoleArn` for bucket `d-1` than Rules[0]; a bucket has \
             one account"
        ]
    );
}

#[test]
fn the_account_of_a_role_to_assume_is_the_destinations() {
    let properties = json!({"SourceBucket": "source", "Rules": [{"Destination": {
        "Bucket": "arn:aws:s3:::d-1", "AssumeRoleArn": "arn:aws:iam::444455556666:role/encrypted-replication/r"}}]});
    let rule = &spec(&properties).unwrap().rules[0];
    assert_eq!(
        rule.rule.destination.account.as_deref(),
        Some("444455556666")
    );
}

#[test]
fn a_required_boundary_is_the_default_and_no_other_is_taken() {
    const REQUIRED: &str = "arn:aws:iam::111122223333:policy/required";
    let bounded = |more: Value| {
        let properties = with(&json!({}), &more);
        let installation = Installation {
            home: crate::replication::example_home(),
            queue_arn: None,
            required_boundary: Some(REQUIRED.to_owned()),
            allowed: crate::replication::Allowed::default(),
        };
        let sound = Sound::read(properties.as_object().unwrap(), &installation);
        sound.map(|sound| sound.of(owner()).spec)
    };
    let role = json!("arn:aws:iam::111122223333:role/r");
    for more in [
        json!({}),
        json!({"PermissionsBoundary": REQUIRED}),
        // The job for existing objects has a role of its own.
        json!({"Role": role}),
    ] {
        let spec = bounded(more).unwrap();
        assert_eq!(spec.permissions_boundary.as_deref(), Some(REQUIRED));
    }
    let other = json!({"PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess", "OnDelet": "x"});
    let told = bounded(other).unwrap_err().to_string();
    for part in [
        "AdministratorAccess",
        REQUIRED,
        "leave the property out",
        "OnDelet",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}
