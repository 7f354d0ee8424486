//! A Create that made nothing is rolled back, whatever was wrong with it.

use replication::error::ErrorKind;
use serde_json::{Value, json};

use crate::aws::faults::{When, Which};
use crate::harness::cloudformation::Resource;
use crate::harness::{EAST, Stack, WEST, bucket_with_key};

const NOWHERE: &str = "us-north-9";
const OFF: &str = "ap-east-1";

fn sound() -> Value {
    json!({
        "SourceBucket": "source",
        "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::copies", "Region": WEST}}],
    })
}

fn setting() -> Stack {
    let stack = Stack::new();
    let mut state = stack.world.state();
    state.no_such_regions.insert(NOWHERE.into());
    state.regions_off.insert(OFF.into());
    drop(state);
    stack
}

/// Fails, is rolled back, is deleted once more, and changes nothing.
async fn comes_to_nothing(stack: &Stack, properties: &Value) {
    let before = stack.world.snapshot();
    let mut resource = Resource::new(stack, "tax", "Replication");
    let [failed, back] = resource.create(properties).await.unwrap_err();
    assert!(back.ok(), "{properties} {failed:?} {back:?}");
    assert_eq!(stack.world.snapshot(), before, "{properties}");
    let again = resource
        .send(
            custom_resource::RequestType::Delete,
            Some(&failed.id()),
            properties,
            None,
        )
        .await;
    assert!(again.ok(), "{properties} {again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_source_bucket_that_is_none() {
    let names = [
        json!("arn:aws:s3:::tax-documents"),
        json!("arn:aws:s3:::tax-documents/Tax/*"),
        json!("s3://tax-documents"),
        json!("tax-documents/Tax"),
        json!("tax documents"),
        json!("税金"),
        json!(""),
        json!(" "),
        json!("*"),
        json!("a..b"),
        json!("a"),
        json!("-"),
        json!("x".repeat(300)),
        json!("x".repeat(5000)),
        json!("a\u{0}b"),
        json!("${SourceBucket}"),
        json!("{{resolve:ssm:/x}}"),
        json!("..%2f.."),
        json!(17),
        json!(null),
        json!(["source"]),
        json!({"Ref": "Source"}),
    ];
    for name in names {
        let mut properties = sound();
        properties["SourceBucket"] = name;
        comes_to_nothing(&setting(), &properties).await;
    }
    let mut without = sound();
    without.as_object_mut().unwrap().remove("SourceBucket");
    comes_to_nothing(&setting(), &without).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_only_an_old_bucket_can_have() {
    for name in ["TAX", "Tax_Documents", &"x".repeat(64), &"X".repeat(255)] {
        let stack = setting();
        let mut properties = sound();
        properties["SourceBucket"] = json!(name);
        let mut resource = Resource::new(&stack, "tax", "Replication");
        let [failed, back] = resource.create(&properties).await.unwrap_err();
        assert!(back.ok(), "{name} {failed:?} {back:?}");
        let now = stack.world.snapshot();
        assert!(now.buckets.is_empty() && now.roles.is_empty() && now.parameters.is_empty());
        assert!(now.keys.values().all(|key| key.state == "PendingDeletion"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_that_there_is_not_or_that_is_switched_off() {
    for region in [NOWHERE, OFF] {
        for adopted in [true, false] {
            for (pointer, of) in [
                ("/SourceRegion", "source"),
                ("/Rules/0/Destination/Region", "copies"),
            ] {
                let stack = setting();
                if adopted {
                    for (name, place) in [("source", EAST), ("copies", WEST)] {
                        if name != of {
                            bucket_with_key(&stack.world, name, place);
                        }
                    }
                }
                let mut properties = sound();
                properties["SourceRegion"] = json!(EAST);
                *properties.pointer_mut(pointer).unwrap() = json!(region);
                comes_to_nothing(&stack, &properties).await;
            }
        }
    }
}

/// A Delete looks where the properties say before S3 has told where the buckets are.
#[tokio::test(start_paused = true)]
async fn regions_of_properties_that_are_not_those_of_the_buckets() {
    for (source, destination) in [(EAST, EAST), (WEST, WEST), (WEST, EAST), (OFF, NOWHERE)] {
        let stack = setting();
        stack.create("Replication", &sound()).await.unwrap();
        let mut said = sound();
        said["SourceRegion"] = json!(source);
        said["Rules"][0]["Destination"]["Region"] = json!(destination);
        stack.delete("Replication", &said).await.unwrap();
        let now = stack.world.state();
        assert!(now.buckets["source"].replication.written().is_none());
        assert!(now.roles.is_empty() && now.parameters.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn properties_of_every_shape() {
    let mut shapes = vec![
        json!({}),
        json!({"SourceBucket": "source"}),
        json!({"SourceBucket": "source", "Rules": "gone"}),
        json!({"SourceBucket": "source", "Rules": []}),
        json!({"SourceBucket": "source", "Rules": [null]}),
        json!({"SourceBucket": "source", "Rules": [[]]}),
        json!({"SourceBucket": "source", "Rules": {"Rule": 1}}),
        json!({"SourceBucket": "source", "Bogus": 1}),
    ];
    for (pointer, value) in [
        ("/Rules/0/Destination/Bucket", json!("copies")),
        (
            "/Rules/0/Destination/Bucket",
            json!("arn:aws:s3:::Not A Bucket"),
        ),
        ("/Rules/0/Destination/Bucket", json!("arn:aws:s3:::source")),
        (
            "/Rules/0/Destination/Bucket",
            json!("arn:aws-cn:s3:::copies"),
        ),
        ("/Rules/0/Destination/Region", json!("Oregon")),
        ("/Rules/0/Destination", json!([])),
    ] {
        let mut properties = sound();
        *properties.pointer_mut(pointer).unwrap() = value;
        shapes.push(properties);
    }
    for (name, value) in [
        ("OnDelete", json!("Retain")),
        ("OnDelete", json!({"Keys": "Delete"})),
        ("Role", json!("source")),
        ("Role", json!("arn:aws:iam::111122223333:user/x")),
        ("PermissionsBoundary", json!("x")),
        ("SourceKmsKeyArns", json!(["x y"])),
        (
            "SourceKmsKeyArns",
            json!(["arn:aws:kms:us-east-1:111122223333:key/none"]),
        ),
        ("SourceRegion", json!("nowhere")),
    ] {
        let mut properties = sound();
        properties[name] = value;
        shapes.push(properties);
    }
    for properties in shapes {
        comes_to_nothing(&setting(), &properties).await;
    }
}

#[tokio::test(start_paused = true)]
async fn buckets_keys_and_roles_of_other_people() {
    let stack = setting();
    stack.world.state().strangers.insert("source".into());
    comes_to_nothing(&stack, &sound()).await;

    let stack = setting();
    stack.world.state().strangers.insert("copies".into());
    comes_to_nothing(&stack, &sound()).await;

    let stack = setting();
    let mut properties = sound();
    properties["Rules"][0]["Destination"]["Account"] = json!("444455556666");
    properties["Rules"][0]["Destination"]["AssumeRoleArn"] =
        json!("arn:aws:iam::444455556666:role/encrypted-replication/none");
    comes_to_nothing(&stack, &properties).await;
}

#[tokio::test(start_paused = true)]
async fn reads_that_are_denied_from_the_first_to_the_last_request() {
    for operation in [
        "role",
        "role_policy",
        "role_policies",
        "parameters",
        "describe_key",
        "bucket_tags",
        "replication",
        "notifications",
    ] {
        for kind in [ErrorKind::AccessDenied, ErrorKind::Invalid] {
            let stack = setting();
            bucket_with_key(&stack.world, "source", EAST);
            bucket_with_key(&stack.world, "copies", WEST);
            stack.aws.fail(Which::Every(operation), kind, When::Before);
            comes_to_nothing(&stack, &sound()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_switched_off_later_is_waited_for_where_rules_lead_there() {
    let stack = setting();
    let mut properties = sound();
    properties["Rules"][0]["Destination"]["Region"] = json!("eu-west-1");
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&properties).await.unwrap();
    stack.world.state().regions_off.insert("eu-west-1".into());
    let refused = resource.delete().await;
    assert!(
        !refused.ok() && refused.reason().contains("eu-west-1"),
        "{refused:?}"
    );
    stack.world.state().regions_off.remove("eu-west-1");
    resource.deleted().await;
    assert!(stack.world.state().parameters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_update_to_nonsense_fails_under_its_own_id_and_is_rolled_back() {
    for source in [
        json!("arn:aws:s3:::ledger"),
        json!("x".repeat(64)),
        json!("a/b"),
        json!(null),
        json!(""),
        json!("no bucket"),
    ] {
        let stack = setting();
        let mut resource = Resource::new(&stack, "tax", "Replication");
        resource.create(&sound()).await.unwrap();
        let before = stack.world.snapshot();
        let mut nonsense = sound();
        nonsense["SourceBucket"] = source;
        let [failed, back] = resource.update(&nonsense).await.unwrap_err();
        assert_eq!(failed.id(), resource.id());
        assert!(back.ok(), "{back:?}");
        assert_eq!(
            (back.id().as_str(), stack.world.snapshot()),
            (resource.id(), before)
        );
        resource.deleted().await;
    }
}
