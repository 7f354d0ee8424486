//! Every property of `Custom::EncryptedReplication`, as data.
//!
//! Names and nesting are those of `AWS::S3::Bucket ReplicationConfiguration`, see
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-replicationrule.html>.

use super::shape::{Kind, Property};

/// A rule `Id` has at most 255 characters, of which the owner and a hyphen take 23.
const LONGEST_RULE_ID: usize = 255 - 23;
const LONGEST_ARN: usize = 2048;

const STATUS: Kind = Kind::OneOf(&["Enabled", "Disabled"]);
const TEXT: Kind = Kind::Text {
    min: 1,
    max: LONGEST_ARN,
};
const STATUS_ONLY: Kind = Kind::Object(&[required("Status", STATUS)]);
const MINUTES: Kind = Kind::Object(&[required("Minutes", Kind::Integer { min: 15, max: 15 })]);
const PREFIX: Kind = Kind::Text { min: 0, max: 1024 };
const TAG: Kind = Kind::Object(&[
    required(
        "Key",
        Kind::Text {
            min: 1,
            max: 128 * 4,
        },
    ),
    required(
        "Value",
        Kind::Text {
            min: 0,
            max: 256 * 4,
        },
    ),
]);
const KEY: Kind = TEXT;

const fn required(name: &'static str, kind: Kind) -> Property {
    Property {
        name,
        alias: None,
        kind,
        required: true,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Property {
    Property {
        name,
        alias: None,
        kind,
        required: false,
    }
}

const fn spelled(name: &'static str, alias: &'static str, kind: Kind) -> Property {
    Property {
        name,
        alias: Some(alias),
        kind,
        required: false,
    }
}

const FILTER: Kind = Kind::Object(&[
    optional("Prefix", PREFIX),
    spelled("TagFilter", "Tag", TAG),
    optional(
        "And",
        Kind::Object(&[
            optional("Prefix", PREFIX),
            spelled(
                "TagFilters",
                "Tags",
                Kind::List {
                    of: &TAG,
                    min: 0,
                    max: 10,
                },
            ),
        ]),
    ),
]);

const DESTINATION: Kind = Kind::Object(&[
    required("Bucket", TEXT),
    optional("Account", Kind::Text { min: 12, max: 12 }),
    optional("Region", Kind::Text { min: 1, max: 64 }),
    optional("AssumeRoleArn", TEXT),
    optional(
        "StorageClass",
        Kind::OneOf(&[
            "STANDARD",
            "REDUCED_REDUNDANCY",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER",
            "DEEP_ARCHIVE",
            "GLACIER_IR",
        ]),
    ),
    optional(
        "AccessControlTranslation",
        Kind::Object(&[required("Owner", Kind::OneOf(&["Destination"]))]),
    ),
    optional(
        "EncryptionConfiguration",
        Kind::Object(&[optional("ReplicaKmsKeyID", KEY)]),
    ),
    optional(
        "Metrics",
        Kind::Object(&[
            required("Status", STATUS),
            optional("EventThreshold", MINUTES),
        ]),
    ),
    optional(
        "ReplicationTime",
        Kind::Object(&[required("Status", STATUS), optional("Time", MINUTES)]),
    ),
]);

/// One entry of `Rules`.
pub(super) const RULE: Kind = Kind::Object(&[
    spelled(
        "Id",
        "ID",
        Kind::Text {
            min: 1,
            max: LONGEST_RULE_ID,
        },
    ),
    optional("Status", STATUS),
    optional(
        "Priority",
        Kind::Integer {
            min: 0,
            max: i32::MAX as i64,
        },
    ),
    optional("Filter", FILTER),
    optional(
        "Prefix",
        Kind::Refused(
            "belongs to S3's V1 schema, which has no priorities and one destination only; write `Filter`: {`Prefix`: …}",
        ),
    ),
    optional("DeleteMarkerReplication", STATUS_ONLY),
    optional(
        "SourceSelectionCriteria",
        Kind::Object(&[
            optional("SseKmsEncryptedObjects", STATUS_ONLY),
            optional("ReplicaModifications", STATUS_ONLY),
        ]),
    ),
    optional(
        "ExistingObjectReplication",
        Kind::Refused(
            "is no longer supported by S3; write the resource's `ExistingObjects`: `Replicate`",
        ),
    ),
    required("Destination", DESTINATION),
]);

/// The properties of the resource itself.
pub(super) const RESOURCE: &[Property] = &[
    required("SourceBucket", Kind::Text { min: 3, max: 63 }),
    optional("SourceRegion", Kind::Text { min: 1, max: 64 }),
    optional(
        "SourceKmsKeyArns",
        Kind::List {
            of: &KEY,
            min: 1,
            max: 100,
        },
    ),
    required(
        "Rules",
        Kind::List {
            of: &RULE,
            min: 1,
            max: 1000,
        },
    ),
    optional("Role", TEXT),
    optional("PermissionsBoundary", TEXT),
    optional("WhenMissing", Kind::OneOf(&["Create", "Fail"])),
    optional(
        "Verification",
        Kind::OneOf(&["Required", "BestEffort", "None"]),
    ),
    optional("ExistingObjects", Kind::OneOf(&["Ignore", "Replicate"])),
    optional(
        "OnDelete",
        Kind::Object(&[
            optional("Buckets", Kind::OneOf(&["Retain", "DeleteWhenEmpty"])),
            optional("Keys", Kind::OneOf(&["Retain", "ScheduleDeletion"])),
        ]),
    ),
];
