//! Every property of `Custom::EncryptedReplication`, as data.
//!
//! Names and nesting are those of `AWS::S3::Bucket ReplicationConfiguration`, see
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-replicationrule.html>.

use super::shape::{Kind, Property};

/// A rule `Id` has at most 255 characters, of which the owner and a hyphen take 23.
const LONGEST_RULE_ID: usize = 255 - 23;
pub(super) const LONGEST_ARN: usize = 2048;

const STATUS: Kind = Kind::OneOf(&["Enabled", "Disabled"]);
pub(super) const TEXT: Kind = Kind::Text {
    min: 1,
    max: LONGEST_ARN,
};
const MINUTES: Kind = Kind::Object(&[required(
    "Minutes",
    Kind::Integer { min: 15, max: 15 },
    "15, the only value that S3 takes.",
)]);
const PREFIX: Kind = Kind::Text { min: 0, max: 1024 };
const TAG: Kind = Kind::Object(&[
    required(
        "Key",
        Kind::Text {
            min: 1,
            max: 128 * 4,
        },
        "The tag's name.",
    ),
    required(
        "Value",
        Kind::Text {
            min: 0,
            max: 256 * 4,
        },
        "The tag's value.",
    ),
]);

pub(super) const fn required(name: &'static str, kind: Kind, about: &'static str) -> Property {
    Property {
        name,
        alias: None,
        kind,
        required: true,
        about,
    }
}

pub(super) const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Property {
    Property {
        name,
        alias: None,
        kind,
        required: false,
        about,
    }
}

const fn spelled(
    name: &'static str,
    alias: &'static str,
    kind: Kind,
    about: &'static str,
) -> Property {
    Property {
        name,
        alias: Some(alias),
        kind,
        required: false,
        about,
    }
}

const NOT: Kind = Kind::Object(&[
    optional(
        "Prefix",
        PREFIX,
        "Start of the keys of objects that are left out.",
    ),
    spelled(
        "TagFilter",
        "Tag",
        TAG,
        "A tag of objects that are left out.",
    ),
    optional(
        "Or",
        Kind::Object(&[
            optional(
                "Prefixes",
                Kind::List {
                    of: &PREFIX,
                    min: 0,
                    max: 1000,
                },
                "Starts of keys, any of which is enough.",
            ),
            spelled(
                "TagFilters",
                "Tags",
                Kind::List {
                    of: &TAG,
                    min: 0,
                    max: 10,
                },
                "Tags, any of which is enough.",
            ),
        ]),
        "Several prefixes and tags.",
    ),
]);

const FILTER: Kind = Kind::Object(&[
    optional("Prefix", PREFIX, "Start of the objects' keys."),
    spelled(
        "TagFilter",
        "Tag",
        TAG,
        "A tag that the objects were uploaded with.",
    ),
    optional(
        "And",
        Kind::Object(&[
            optional("Prefix", PREFIX, "Start of the objects' keys."),
            spelled(
                "TagFilters",
                "Tags",
                Kind::List {
                    of: &TAG,
                    min: 0,
                    max: 10,
                },
                "Tags that the objects were uploaded with, all of them.",
            ),
            optional("Not", NOT, "Which of these are left out all the same."),
        ]),
        "A prefix, tags and exclusions together.",
    ),
    optional("Not", NOT, "All objects but these."),
]);

const DESTINATION: Kind = Kind::Object(&[
    required("Bucket", TEXT, "ARN of the destination bucket."),
    optional(
        "Account",
        Kind::Text { min: 12, max: 12 },
        "Account that owns the destination bucket. Default: this account, or that of `AssumeRoleArn`.",
    ),
    optional(
        "Region",
        Kind::Text { min: 1, max: 64 },
        "Region of the destination bucket. Default: the Region in the key's ARN, else that of the existing bucket.",
    ),
    optional(
        "AssumeRoleArn",
        TEXT,
        "Role in the destination's account that is assumed for everything there. Without it the owner of that account \
         adds the statements that `DestinationStatements` tells, and nothing is proved.",
    ),
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
        "Storage class of the replicas. Default: the source object's.",
    ),
    optional(
        "AccessControlTranslation",
        Kind::Object(&[required(
            "Owner",
            Kind::OneOf(&["Destination"]),
            "`Destination`.",
        )]),
        "Has replicas belong to the owner of the destination bucket; needs its `Account`.",
    ),
    optional(
        "EncryptionConfiguration",
        Kind::Object(&[
            optional(
                "ReplicaKmsKeyID",
                TEXT,
                "Key that encrypts the replicas: ARN, id or alias, in the destination's Region. Default: a new key.",
            ),
            optional(
                "UseSourceMultiRegionKey",
                Kind::Object(&[required("Status", STATUS, "`Enabled` or `Disabled`.")]),
                "Has S3 take the multi-Region key that is related to the source object's. `ReplicaKmsKeyID` says which \
                 that is, and all source keys must be related to it. Default: Disabled.",
            ),
        ]),
        "How replicas are encrypted.",
    ),
    optional(
        "Metrics",
        Kind::Object(&[
            required("Status", STATUS, "`Enabled` or `Disabled`."),
            optional(
                "EventThreshold",
                MINUTES,
                "With `ReplicationTime` only, which sets it.",
            ),
        ]),
        "Replication metrics; without them S3 sends no failure events. Default: Enabled.",
    ),
    optional(
        "ReplicationTime",
        Kind::Object(&[
            required("Status", STATUS, "`Enabled` or `Disabled`."),
            optional("Time", MINUTES, "15 minutes, which is the default."),
        ]),
        "S3 Replication Time Control. Default: Disabled.",
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
        "Name of the rule; in the bucket it bears the resource's owner in front. Default: its position.",
    ),
    optional("Status", STATUS, "Default: Enabled."),
    optional(
        "Priority",
        Kind::Integer {
            min: 0,
            max: i32::MAX as i64,
        },
        "Of rules to one destination the highest decides. Default: by position.",
    ),
    optional(
        "Filter",
        FILTER,
        "Which objects. Default: all of the bucket's.",
    ),
    optional(
        "Prefix",
        Kind::Refused(
            "belongs to S3's V1 schema, which has no priorities and one destination only; write `Filter`: {`Prefix`: …}",
        ),
        "Refused.",
    ),
    optional(
        "DeleteMarkerReplication",
        Kind::Object(&[required("Status", STATUS, "`Enabled` or `Disabled`.")]),
        "Whether delete markers are replicated. Default: Disabled.",
    ),
    optional(
        "SourceSelectionCriteria",
        Kind::Object(&[
            optional(
                "SseKmsEncryptedObjects",
                Kind::Object(&[required("Status", STATUS, "`Enabled`.")]),
                "Objects encrypted with KMS keys. Always Enabled; Disabled is refused.",
            ),
            optional(
                "ReplicaModifications",
                Kind::Object(&[required("Status", STATUS, "`Enabled` or `Disabled`.")]),
                "Changes to the metadata of replicas, for pairs that replicate both ways.",
            ),
        ]),
        "Which objects besides the filter.",
    ),
    optional(
        "ExistingObjectReplication",
        Kind::Refused(
            "is no longer supported by S3; write the resource's `ExistingObjects`: `Replicate`",
        ),
        "Refused.",
    ),
    required("Destination", DESTINATION, "Where replicas go, and how."),
]);

/// The properties of the resource itself.
pub(super) const RESOURCE: &[Property] = &[
    required(
        "SourceBucket",
        Kind::Text { min: 3, max: 255 },
        "Name of the source bucket. Another one replaces the resource.",
    ),
    optional(
        "SourceRegion",
        Kind::Text { min: 1, max: 64 },
        "Its Region. Default: the function's.",
    ),
    optional(
        "SourceKmsKeyArns",
        Kind::List {
            of: &TEXT,
            min: 1,
            max: 100,
        },
        "Keys that encrypt source objects: ARNs, ids or aliases. Default: the key of the bucket's default encryption, or \
         a new one.",
    ),
    required(
        "Rules",
        Kind::List {
            of: &RULE,
            min: 1,
            max: 1000,
        },
        "The replication rules, in CloudFormation's spelling or the S3 API's.",
    ),
    optional(
        "Role",
        TEXT,
        "ARN of a role that S3 is to assume; it is never changed. Default: a role of ours under \
         `/encrypted-replication/`.",
    ),
    optional(
        "PermissionsBoundary",
        TEXT,
        "ARN of a policy that bounds the roles of ours. Default: the one that the provisioner was installed with, or none.",
    ),
    optional(
        "WhenMissing",
        Kind::OneOf(&["Create", "Fail"]),
        "Buckets and keys that do not exist are made, or fail the request. Default: Create.",
    ),
    optional(
        "Verification",
        Kind::OneOf(&["Required", "BestEffort", "None"]),
        "Every rule must be proved by a probe object that arrives, may be unproved after five minutes, or no probe is \
         written. Default: BestEffort.",
    ),
    optional(
        "Revision",
        Kind::Text { min: 0, max: 256 },
        "Any text: a change of it means look, mend and prove now.",
    ),
    optional(
        "ExistingObjects",
        Kind::OneOf(&["Ignore", "Replicate"]),
        "Objects older than the rules: left, or replicated by an S3 Batch Replication job. Default: Ignore.",
    ),
    optional(
        "OnDelete",
        Kind::Object(&[
            optional(
                "Buckets",
                Kind::OneOf(&["Retain", "DeleteWhenEmpty"]),
                "Buckets that we made. Default: Retain.",
            ),
            optional(
                "Keys",
                Kind::OneOf(&["Retain", "ScheduleDeletion"]),
                "Keys that we made; deleted after 30 days. Default: Retain.",
            ),
        ]),
        "What becomes of what we made, when the resource is deleted.",
    ),
];
