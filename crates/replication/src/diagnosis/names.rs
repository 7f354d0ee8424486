//! The checks there are: what each looks at, and what it means where it fails. The one table for the
//! documents and for whoever asks what a word means.

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What it looks at, and what follows where that is not as it must be.
    pub means: &'static str,
    /// What to do then.
    pub remedy: &'static str,
}

macro_rules! table {
    ($($constant:ident = $name:literal: $means:literal => $remedy:literal;)*) => {
        $(pub(crate) const $constant: &str = $name;)*

        /// Every check.
        pub const ALL: &[Known] = &[$(Known { name: $name, means: $means, remedy: $remedy }),*];
    };
}

table! {
    ANNOTATIONS = "Annotations":
        "whether the role may read the annotations of source objects: without it they stay behind, and nothing says so"
        => "allow s3:GetObjectVersionAnnotationForReplication on the source objects in the role's policy";
    ARRIVAL_EVENTS = "ArrivalEvents":
        "whether the destination bucket sends its events to EventBridge: without them nobody can look at replicas as they arrive"
        => "switch EventBridge on in the bucket's notifications";
    BUCKET_EXISTS = "BucketExists":
        "whether the bucket is there and can be looked at"
        => "create the bucket with versioning, or correct the rule";
    BUCKET_POLICY = "BucketPolicy":
        "what the bucket's policy says to the replication role: a Deny stops it, and another account's bucket has to allow it"
        => "except the role from the Deny, or allow it what the finding names";
    CONFIGURATION = "Configuration":
        "whether everything is as the resource's properties say"
        => "undo the change, or update the stack with any property of the resource changed";
    DEFAULT_ENCRYPTION = "DefaultEncryption":
        "what uploads to the source bucket are encrypted with that name no key: S3 keeps an object's kind of encryption, so \
         a source without a KMS key has replicas without one"
        => "set a KMS key as the source bucket's default encryption";
    EXPECTATION = "Expectation":
        "whether the checker is told which key is right in the destination bucket"
        => "update the stack with any property of the resource changed";
    FAILURE_EVENTS = "FailureEvents":
        "whether anybody hears of replications that fail: they go to a queue, topic or function, and never to EventBridge"
        => "send s3:Replication:OperationFailedReplication of the source bucket to a queue, topic or function";
    KEY_POLICY = "KeyPolicy":
        "what the key's policy says to the replication role: it must let the role or its account in, for the encryption \
         context of the bucket and of its objects"
        => "allow the role what the finding names in the key's policy, or except it from the Deny";
    KEY_USABLE = "KeyUsable":
        "whether the key is there, enabled, symmetric and in its bucket's Region: S3 takes a rule with any key, and then \
         every replication under it fails"
        => "enable the key, take its deletion back, or name a key of the bucket's Region";
    KMS_OPT_IN = "KmsOptIn":
        "whether the rule takes objects that are encrypted with KMS, and names a key for their replicas: without that S3 \
         leaves them out, and gives them no replication status at all"
        => "set SourceSelectionCriteria.SseKmsEncryptedObjects to Enabled, and EncryptionConfiguration.ReplicaKmsKeyID";
    LOG_DELIVERY = "LogDelivery":
        "whether logs are delivered to a bucket whose default encryption is a KMS key: server access logs and load balancers' \
         go to SSE-S3 buckets only"
        => "deliver the logs to another bucket";
    METRICS = "Metrics":
        "whether the rule has replication metrics: without them S3 sends no failure events for it"
        => "set Destination.Metrics.Status to Enabled";
    OBJECT_LOCK = "ObjectLock":
        "whether the destination has Object Lock where the source has it: S3 replicates such objects to no other bucket"
        => "enable Object Lock on the destination bucket";
    PREFIX = "Prefix":
        "whether the rule's prefix is the start of keys, which S3 takes literally"
        => "write the start of the keys, without `*`, a leading `/` or the bucket's name";
    PRIORITY = "Priority":
        "whether another rule decides in this one's place: among rules to one destination that cover an object the highest \
         priority does"
        => "give the rule a higher priority, or remove it";
    PROPERTIES = "Properties":
        "whether the resource's properties are sound"
        => "correct the property that the finding names";
    REQUESTER_PAYS = "RequesterPays":
        "whether requesters pay at the destination bucket: S3 does not replicate to such a bucket of another account"
        => "switch Requester Pays off at the destination bucket";
    ROLE_EXISTS = "RoleExists":
        "whether the role that S3 is to assume is there"
        => "create the role, or name one that exists in the replication configuration";
    ROLE_PERMISSIONS = "RolePermissions":
        "what IAM's simulator says of the role's policies, its boundary and its organisation's: everything that replication \
         does in its name, for each prefix and key, with the encryption context of the bucket (S3 Bucket Keys) and of an object"
        => "allow in the role's policy what the finding names";
    ROLE_TRUST = "RoleTrust":
        "whether the role lets s3.amazonaws.com assume it"
        => "allow sts:AssumeRole to the service principal s3.amazonaws.com in its trust policy";
    RULES = "Rules":
        "whether the rule is there, and in force"
        => "set its status to Enabled, or remove it";
    VERSIONING = "Versioning":
        "whether the bucket keeps versions: S3 replicates between versioned buckets only"
        => "enable versioning";
    WARNING = "Warning":
        "what a person should know of before the stack is updated"
        => "read the finding";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_order_and_once() {
        assert!(ALL.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
