//! The table of the verdicts, and of what the provisioner saw of the replication itself.

/// The table's name.
pub const TABLE: &str = "verdicts";

/// A member of a line, with a dot where it is within another, and its type in Athena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name in the line.
    pub name: &'static str,
    /// Its type.
    pub kind: &'static str,
}

const fn member(name: &'static str, kind: &'static str) -> Member {
    Member { name, kind }
}

/// Every member of the verdict line that is a column or a field of one. Those that are [`PARTITIONS`] stand in the
/// keys of the objects.
pub const MEMBERS: [Member; 25] = [
    member("schema", "string"),
    member("id", "string"),
    member("time", "string"),
    member("version", "string"),
    member("verdict", "string"),
    member("compliant", "boolean"),
    member("key", "string"),
    member("versionId", "string"),
    member("observed.algorithm", "string"),
    member("observed.kmsKeyArn", "string"),
    member("observed.bucketKeyEnabled", "boolean"),
    member("observed.replicationStatus", "string"),
    member("expected.kmsKeyArns", "array<string>"),
    member("expected.formerKmsKeyArns", "array<string>"),
    member("expected.algorithm", "string"),
    member("expected.from", "string"),
    member("replication.event", "string"),
    member("replication.failureReason", "string"),
    member("replication.ruleId", "string"),
    member("replication.destinationBucket", "string"),
    member("replication.operation", "string"),
    member("repaired", "boolean"),
    member("probe", "boolean"),
    member("reason", "string"),
    member("remedy", "string"),
];

/// Every member of the provisioner's lines on drift and on proofs that is a column: those that verdict lines have as
/// well, and those that none of them has.
pub const LOOKS: [Member; 14] = [
    member("schema", "string"),
    member("id", "string"),
    member("time", "string"),
    member("version", "string"),
    member("reason", "string"),
    member("remedy", "string"),
    member("result", "string"),
    member("physicalResourceId", "string"),
    member("logicalResourceId", "string"),
    member("stackId", "string"),
    member("changes", "array<string>"),
    member("seconds", "double"),
    member("rules", RULES),
    member("moreRules", "bigint"),
];

/// What a proof showed of each rule.
const RULES: &str = "array<struct<id:string,result:string,seconds:double,reason:string>>";

/// What the lines are partitioned by, in the order of the keys. The first three are members of the line, the
/// last is the day of its `time`.
pub const PARTITIONS: [&str; 4] = ["account", "region", "bucket", "day"];

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name: the member's in small letters, as Glue has all names and Data Firehose finds the member.
    ///
    /// See <https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-concepts.html>.
    pub name: &'static str,
    /// Its type in Athena.
    pub kind: &'static str,
}

const fn column(name: &'static str, kind: &'static str) -> Column {
    Column { name, kind }
}

/// The table's columns but for the partitions. New ones come last: files of before do not have them.
pub const COLUMNS: [Column; 23] = [
    column("schema", "string"),
    column("id", "string"),
    column("time", "string"),
    column("version", "string"),
    column("verdict", "string"),
    column("compliant", "boolean"),
    column("key", "string"),
    column("versionid", "string"),
    column(
        "observed",
        "struct<algorithm:string,kmskeyarn:string,bucketkeyenabled:boolean,replicationstatus:string>",
    ),
    column(
        "expected",
        "struct<kmskeyarns:array<string>,formerkmskeyarns:array<string>,algorithm:string,from:string>",
    ),
    column(
        "replication",
        "struct<event:string,failurereason:string,ruleid:string,destinationbucket:string,operation:string>",
    ),
    column("repaired", "boolean"),
    column("probe", "boolean"),
    column("reason", "string"),
    column("remedy", "string"),
    column("result", "string"),
    column("physicalresourceid", "string"),
    column("logicalresourceid", "string"),
    column("stackid", "string"),
    column("changes", "array<string>"),
    column("seconds", "double"),
    column("rules", RULES),
    column("morerules", "bigint"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// All lists say the same: every member is a column or a field of one, in the same order.
    #[test]
    fn columns_are_made_of_the_members() {
        let mut made: Vec<(String, String)> = Vec::new();
        let known = |name| MEMBERS.iter().any(|member| member.name == name);
        let further = LOOKS.into_iter().filter(|member| !known(member.name));
        for Member { name, kind } in MEMBERS.into_iter().chain(further) {
            let name = name.to_lowercase();
            match name.split_once('.') {
                None => made.push((name, kind.to_owned())),
                Some((column, field)) => match made.last_mut().filter(|last| last.0 == column) {
                    None => made.push((column.to_owned(), format!("struct<{field}:{kind}>"))),
                    Some((_, fields)) => {
                        fields.pop();
                        fields.extend([",", field, ":", kind, ">"]);
                    }
                },
            }
        }
        let columns: Vec<_> = COLUMNS
            .iter()
            .map(|column| (column.name.to_owned(), column.kind.to_owned()))
            .collect();
        assert_eq!(columns, made);
    }

    /// Glue takes no table whose partition is a column too.
    #[test]
    fn no_column_is_a_partition() {
        assert!(
            COLUMNS
                .iter()
                .all(|column| !PARTITIONS.contains(&column.name))
        );
    }
}
