//! Policies, and what they say to the replication role: one row each.

use serde_json::{Value, json};

use super::{Context, Extent, Judgement, Principal, Request, Statements};
use aws_names::Arn;

const ROLE: &str = "arn:aws:iam::111122223333:role/encrypted-replication/source";
const ACCOUNT: &str = "111122223333";

fn role() -> Arn {
    Arn::parse(ROLE).unwrap()
}

fn statements(statement: &Value) -> Statements {
    let policy = json!({"Version": "2012-10-17", "Statement": statement});
    Statements::parse(&policy.to_string()).unwrap()
}

fn word(judgement: &Judgement) -> &'static str {
    match judgement {
        Judgement::No => "no",
        Judgement::May(_) => "may",
        Judgement::Yes => "yes",
    }
}

/// Whether `statement` denies a replica under `tax/` to a role with a boundary or without.
fn denied_bounded(statement: &Value, bounded: Option<bool>) -> &'static str {
    let role = role();
    let context = Context::of_bucket(&role, ACCOUNT);
    let request = Request {
        principal: Principal::Role {
            arn: &role,
            bounded,
        },
        action: "s3:ReplicateObject",
        resource: Extent::Under("arn:aws:s3:::destination/tax/".into()),
        context: &context,
    };
    let found = statements(statement).denials(&request);
    found.first().map_or("no", |(_, judged)| word(judged))
}

fn denied(statement: &Value) -> &'static str {
    denied_bounded(statement, Some(false))
}

fn deny(more: &Value) -> Value {
    let mut statement =
        json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"});
    for (name, value) in more.as_object().unwrap() {
        statement[name] = value.clone();
    }
    statement
}

/// Whether `statement` of a key's policy allows a replica of an object with an S3 Bucket Key and without.
fn key_allows(statement: &Value) -> (&'static str, &'static str) {
    let (role, found) = (role(), statements(statement));
    let hosts = crate::replication::example_home().s3_via_services("us-west-2");
    let allowed = |encryption_context: Extent| {
        let context = Context::of_key(&role, ACCOUNT, &hosts, encryption_context);
        let request = Request {
            principal: Principal::Role {
                arn: &role,
                bounded: Some(false),
            },
            action: "kms:Encrypt",
            resource: "arn:aws:kms:us-west-2:111122223333:key/k".into(),
            context: &context,
        };
        word(&found.allowed(&request))
    };
    (
        allowed("arn:aws:s3:::destination".into()),
        allowed(Extent::Under("arn:aws:s3:::destination/tax/".into())),
    )
}

#[test]
fn a_deny_reaches_as_far_as_its_resources() {
    for (more, expected) in [
        (
            json!({"Resource": "arn:aws:s3:::destination/private/*"}),
            "no",
        ),
        (
            json!({"Resource": ["arn:aws:s3:::destination/private/*", "arn:aws:s3:::destination"]}),
            "no",
        ),
        (json!({"Resource": "arn:aws:s3:::destination/*"}), "yes"),
        (json!({"Resource": "arn:aws:s3:::*"}), "yes"),
        (json!({"Resource": "arn:aws:s3:::destination/tax/*"}), "yes"),
        (
            json!({"Resource": "arn:aws:s3:::destination/tax/secret/*"}),
            "may",
        ),
        (json!({"Resource": "arn:aws:s3:::destination/*.key"}), "may"),
        (json!({"Resource": "arn:aws:s3:::destination"}), "no"),
        (json!({"Resource": "arn:aws:s3:::other/*"}), "no"),
        (
            json!({"Resource": "arn:aws:s3:::destination/${aws:userid}/*"}),
            "may",
        ),
        (
            json!({"Resource": "arn:aws:s3:::destination/${aws:PrincipalTag/team}*"}),
            "may",
        ),
    ] {
        assert_eq!(denied(&deny(&more)), expected, "{more}");
    }
    let beyond = |resources: Value| {
        let mut statement = deny(&json!({"NotResource": resources}));
        statement.as_object_mut().unwrap().remove("Resource");
        statement
    };
    for (resources, expected) in [
        (json!("arn:aws:s3:::destination/private/*"), "yes"),
        (json!("arn:aws:s3:::destination/tax/*"), "no"),
        (
            json!(["arn:aws:s3:::destination", "arn:aws:s3:::destination/*"]),
            "no",
        ),
        (json!("arn:aws:s3:::destination/tax/open/*"), "may"),
    ] {
        assert_eq!(denied(&beyond(resources.clone())), expected, "{resources}");
    }
}

#[test]
fn a_deny_reaches_as_far_as_its_actions() {
    for (more, expected) in [
        (json!({"Action": "s3:PutObject"}), "no"),
        (json!({"Action": ["s3:PutObject", "S3:replicate*"]}), "yes"),
        (json!({"Action": "s3:Replicate?bject"}), "yes"),
        (json!({"Action": "*"}), "yes"),
        (json!({"Action": "kms:*"}), "no"),
    ] {
        assert_eq!(denied(&deny(&more)), expected, "{more}");
    }
    for (actions, expected) in [
        (json!("s3:Get*"), "yes"),
        (json!(["s3:Get*", "s3:replicateobject"]), "no"),
        (json!("*"), "no"),
    ] {
        let mut statement = deny(&json!({"NotAction": actions}));
        statement.as_object_mut().unwrap().remove("Action");
        assert_eq!(denied(&statement), expected, "{actions}");
    }
}

#[test]
fn a_deny_is_about_those_it_names() {
    let root = "arn:aws:iam::111122223333:root";
    let session = "arn:aws:sts::111122223333:assumed-role/source/s3-session";
    for (principal, expected) in [
        (json!("*"), "yes"),
        (json!({"AWS": "*"}), "yes"),
        (json!({"AWS": ACCOUNT}), "yes"),
        (
            json!({"AWS": ["arn:aws:iam::444455556666:root", root]}),
            "yes",
        ),
        (json!({"AWS": ROLE}), "yes"),
        (json!({"AWS": session}), "may"),
        (
            json!({"AWS": "arn:aws:sts::111122223333:assumed-role/other/s"}),
            "no",
        ),
        (
            json!({"AWS": "arn:aws:iam::111122223333:role/source"}),
            "no",
        ),
        (json!({"AWS": "AROAEXAMPLE"}), "no"),
        (json!({"AWS": "arn:aws:iam::444455556666:root"}), "no"),
        (json!({"Service": "s3.amazonaws.com"}), "no"),
        (json!({"CanonicalUser": "79a59df900b949e5"}), "may"),
        (json!({"Federated": "cognito-identity.amazonaws.com"}), "no"),
    ] {
        assert_eq!(
            denied(&deny(&json!({"Principal": principal}))),
            expected,
            "{principal}"
        );
    }
    let beyond = |excluded: &Value| {
        let mut statement = deny(&json!({"NotPrincipal": excluded}));
        statement.as_object_mut().unwrap().remove("Principal");
        statement
    };
    // By what is named: without a boundary, with one, and where that is not known.
    for (excluded, expected) in [
        (json!({"AWS": ROLE}), ["may", "yes", "may"]),
        (json!({"AWS": [ROLE, root]}), ["no", "yes", "may"]),
        (
            json!({"AWS": [ROLE, ACCOUNT, session]}),
            ["no", "yes", "may"],
        ),
        (json!({"AWS": root}), ["yes", "yes", "yes"]),
        (
            json!({"AWS": "arn:aws:iam::111122223333:role/other"}),
            ["yes", "yes", "yes"],
        ),
        (json!({"AWS": [session, root]}), ["may", "yes", "may"]),
        (
            json!({"Service": "s3.amazonaws.com"}),
            ["yes", "yes", "yes"],
        ),
        (json!("*"), ["no", "no", "no"]),
    ] {
        let judged = [Some(false), Some(true), None]
            .map(|bounded| denied_bounded(&beyond(&excluded), bounded));
        assert_eq!(judged, expected, "{excluded}");
    }
}

#[test]
fn a_deny_holds_under_its_conditions_or_not_or_may() {
    for (condition, expected) in [
        // S3 replicates over TLS.
        (json!({"Bool": {"aws:SecureTransport": "false"}}), "no"),
        (json!({"Bool": {"aws:SecureTransport": false}}), "no"),
        (
            json!({"BoolIfExists": {"AWS:SecureTransport": ["false"]}}),
            "no",
        ),
        (json!({"Bool": {"aws:SecureTransport": "true"}}), "yes"),
        (
            json!({"StringEquals": {"aws:SecureTransport": "false"}}),
            "no",
        ),
        (json!({"NumericLessThan": {"s3:TlsVersion": "1.2"}}), "no"),
        (json!({"NumericLessThan": {"s3:TlsVersion": 1.2}}), "no"),
        (json!({"NumericLessThan": {"s3:TlsVersion": 1.3}}), "may"),
        // It acts by a role, and so is no service to them.
        (
            json!({"Bool": {"aws:PrincipalIsAWSService": "false"}}),
            "yes",
        ),
        (
            json!({"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}),
            "yes",
        ),
        (json!({"Bool": {"aws:PrincipalIsAWSService": "true"}}), "no"),
        (
            json!({"StringNotEquals": {"aws:PrincipalServiceName": "s3.amazonaws.com"}}),
            "yes",
        ),
        (
            json!({"StringNotEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}),
            "yes",
        ),
        (
            json!({"StringEquals": {"aws:SourceAccount": ACCOUNT}}),
            "no",
        ),
        (
            json!({"ArnNotLike": {"aws:SourceArn": "arn:aws:s3:::source"}}),
            "yes",
        ),
        (json!({"Null": {"aws:SourceArn": "true"}}), "yes"),
        (json!({"Null": {"aws:SourceArn": "false"}}), "no"),
        (json!({"Bool": {"aws:ViaAWSService": "false"}}), "yes"),
        // Who it is.
        (json!({"StringNotEquals": {"aws:PrincipalArn": ROLE}}), "no"),
        (
            json!({"StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/other"}}),
            "yes",
        ),
        (
            json!({"StringNotLike": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:role/admin", "arn:aws:iam::*:role/encrypted-replication/*"]}}),
            "no",
        ),
        (json!({"ArnNotEquals": {"aws:PrincipalArn": ROLE}}), "no"),
        (
            json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/enc*"}}),
            "no",
        ),
        (
            json!({"ArnNotLikeIfExists": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/admin"}}),
            "yes",
        ),
        (
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:*:role/*"}}),
            "no",
        ),
        (
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}),
            "yes",
        ),
        (
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:role/*"}}),
            "yes",
        ),
        (
            json!({"StringNotEqualsIgnoreCase": {"aws:PrincipalArn": ROLE.to_uppercase()}}),
            "no",
        ),
        (
            json!({"StringNotEquals": {"aws:PrincipalAccount": [ACCOUNT, "444455556666"]}}),
            "no",
        ),
        (
            json!({"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}}),
            "yes",
        ),
        (
            json!({"StringNotEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}),
            "no",
        ),
        (
            json!({"StringNotEquals": {"s3:ResourceAccount": ACCOUNT}}),
            "no",
        ),
        (json!({"Null": {"aws:username": "true"}}), "yes"),
        (json!({"StringLike": {"aws:username": "*"}}), "no"),
        (json!({"StringLikeIfExists": {"aws:username": "x"}}), "yes"),
        (
            json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}),
            "yes",
        ),
        (
            json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
            "may",
        ),
        (
            json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
            "no",
        ),
        // Of these nothing is known.
        (
            json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}),
            "may",
        ),
        (
            json!({"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": "o-1/*"}}),
            "may",
        ),
        (
            json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}),
            "may",
        ),
        (
            json!({"StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}),
            "may",
        ),
        (
            json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
            "may",
        ),
        (
            json!({"IpAddressIfExists": {"aws:VpcSourceIp": "10.0.0.0/8"}}),
            "may",
        ),
        (
            json!({"DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}),
            "may",
        ),
        (
            json!({"StringNotLike": {"aws:userid": "AROAEXAMPLE:*"}}),
            "may",
        ),
        (
            json!({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}),
            "may",
        ),
        (
            json!({"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "k"}}),
            "may",
        ),
        (
            json!({"Null": {"s3:x-amz-server-side-encryption": "true"}}),
            "may",
        ),
        (
            json!({"StringEquals": {"aws:ResourceTag/team": "a"}}),
            "may",
        ),
        (
            json!({"SomethingNew": {"aws:SecureTransport": "false"}}),
            "may",
        ),
        (
            json!({"ForSomeValues:StringEquals": {"aws:SecureTransport": "false"}}),
            "may",
        ),
        (json!("x"), "may"),
        // All of them together.
        (
            json!({"Bool": {"aws:SecureTransport": "false"}, "StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}),
            "no",
        ),
        (
            json!({"Bool": {"aws:SecureTransport": "false", "aws:PrincipalIsAWSService": "false"}}),
            "no",
        ),
        (
            json!({"Bool": {"aws:PrincipalIsAWSService": "false"}, "StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}),
            "may",
        ),
        (
            json!({"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}, "ArnNotLike": {"aws:PrincipalArn": ROLE}}),
            "no",
        ),
        (json!({}), "yes"),
    ] {
        assert_eq!(
            denied(&deny(&json!({"Condition": condition}))),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn keys_of_several_values_are_taken_one_by_one() {
    for (condition, expected) in [
        (
            json!({"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": ["aws:s3:arn", "x"]}}),
            "yes",
        ),
        (
            json!({"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["aws:s3:arn", "x"]}}),
            "yes",
        ),
        (
            json!({"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": ["x"]}}),
            "no",
        ),
        (
            json!({"ForAllValues:StringNotEquals": {"kms:EncryptionContextKeys": ["x"]}}),
            "yes",
        ),
        // Vacuously, where the key is absent.
        (
            json!({"ForAllValues:StringEquals": {"aws:SourceArn": ["x"]}}),
            "yes",
        ),
        (
            json!({"ForAnyValue:StringEquals": {"aws:SourceArn": ["x"]}}),
            "no",
        ),
        (
            json!({"ForAnyValue:StringNotEquals": {"aws:SourceArn": ["x"]}}),
            "no",
        ),
        (
            json!({"ForAnyValue:StringLikeIfExists": {"aws:SourceArn": ["x"]}}),
            "yes",
        ),
    ] {
        let statement = json!({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:*", "Resource": "*",
                               "Condition": condition});
        assert_eq!(key_allows(&statement), (expected, expected), "{condition}");
    }
}

#[test]
fn a_key_lets_the_role_in_surely_or_not_or_under_conditions() {
    let root = json!({"AWS": "arn:aws:iam::111122223333:root"});
    for (condition, bucket_key, object_key) in [
        (json!({}), "yes", "yes"),
        // The account's root user alone, it is said to mean.
        (
            json!({"StringEquals": {"aws:PrincipalType": "Account"}}),
            "may",
            "may",
        ),
        (
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
            "may",
            "may",
        ),
        (
            json!({"StringEquals": {"kms:CallerAccount": ACCOUNT}}),
            "yes",
            "yes",
        ),
        (
            json!({"StringEquals": {"kms:CallerAccount": "444455556666"}}),
            "no",
            "no",
        ),
        (
            json!({"StringEquals": {"kms:ViaService": "s3.us-west-2.amazonaws.com"}}),
            "yes",
            "yes",
        ),
        (
            json!({"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}),
            "yes",
            "yes",
        ),
        (
            json!({"StringEquals": {"kms:ViaService": ["ec2.us-west-2.amazonaws.com", "s3.us-east-1.amazonaws.com"]}}),
            "no",
            "no",
        ),
        (
            json!({"Bool": {"kms:GrantIsForAWSResource": "true"}}),
            "no",
            "no",
        ),
        (json!({"Bool": {"aws:ViaAWSService": "true"}}), "may", "may"),
        (
            json!({"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::destination"}}),
            "yes",
            "no",
        ),
        (
            json!({"StringLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::destination/*"}}),
            "no",
            "yes",
        ),
        (
            json!({"ArnLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::destination*"}}),
            "yes",
            "yes",
        ),
        (
            json!({"StringLike": {"kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::destination", "arn:aws:s3:::destination/tax/a*"]}}),
            "yes",
            "may",
        ),
        (
            json!({"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::destination/tax/a"}}),
            "no",
            "may",
        ),
        (
            json!({"StringEquals": {"kms:EncryptionContext:project": "x"}}),
            "may",
            "may",
        ),
        (
            json!({"StringEquals": {"aws:PrincipalArn": ROLE}}),
            "yes",
            "yes",
        ),
        (
            json!({"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/admin"}}),
            "no",
            "no",
        ),
        (
            json!({"Bool": {"aws:PrincipalIsAWSService": "true"}}),
            "no",
            "no",
        ),
    ] {
        let statement = json!({"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*",
                               "Condition": condition});
        assert_eq!(
            key_allows(&statement),
            (bucket_key, object_key),
            "{condition}"
        );
    }
    let other = json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::444455556666:root", "Service": "s3.amazonaws.com"}});
    assert_eq!(key_allows(&other), ("no", "no"));
    let everybody =
        json!({"Effect": "Allow", "Action": ["KMS:Gen*", "kms:encrypt"], "Principal": "*"});
    assert_eq!(key_allows(&everybody), ("yes", "yes"));
    let beyond = json!({"Effect": "Allow", "Action": "kms:*", "NotPrincipal": {"AWS": ROLE}});
    assert_eq!(key_allows(&beyond), ("no", "no"));
    // What may be allowed by one is surely allowed where another does so.
    let both = json!([
        {"Effect": "Allow", "Action": "kms:*", "Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Effect": "Allow", "Action": "kms:Encrypt", "Principal": {"AWS": ROLE}}]);
    assert_eq!(key_allows(&both), ("yes", "yes"));
}

#[test]
fn what_keeps_it_open_is_told() {
    let role = role();
    let context = Context::of_bucket(&role, ACCOUNT);
    let request = Request {
        principal: Principal::Role {
            arn: &role,
            bounded: None,
        },
        action: "s3:ReplicateObject",
        resource: Extent::Under("arn:aws:s3:::destination/tax/".into()),
        context: &context,
    };
    let found = statements(&json!([
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::destination/tax/a*",
         "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}, "NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        {"Sid": "OnlyReads", "Effect": "Deny", "Principal": "*", "NotAction": "s3:Get*"},
    ]));
    let [(first, Judgement::May(doubts)), (second, Judgement::Yes)] = &found.denials(&request)[..]
    else {
        panic!("{found:?}");
    };
    assert_eq!((first.as_str(), second.as_str()), ("number 1", "OnlyReads"));
    let doubts: Vec<_> = doubts.iter().map(String::as_str).collect();
    assert_eq!(
        doubts,
        [
            "`aws:PrincipalOrgID`",
            "`aws:SourceIp`",
            "it is about a part of the objects"
        ]
    );
}

#[test]
fn only_the_service_itself_is_trusted() {
    let trust = |statement: &Value| {
        let context = Context::of_service("s3.amazonaws.com", ACCOUNT, "arn:aws:s3:::source");
        let request = Request {
            principal: Principal::Service("s3.amazonaws.com"),
            action: "sts:AssumeRole",
            resource: ROLE.into(),
            context: &context,
        };
        let found = statements(statement);
        let denied = found.denials(&request);
        let denied = denied.first().map_or("no", |(_, judged)| word(judged));
        (word(&found.allowed(&request)), denied)
    };
    let s3 = json!({"Service": "s3.amazonaws.com"});
    for (principal, action, condition, expected) in [
        (
            json!({"Service": ["lambda.amazonaws.com", "s3.amazonaws.com"]}),
            "sts:AssumeRole",
            json!({}),
            "yes",
        ),
        (
            json!({"Service": "lambda.amazonaws.com"}),
            "sts:AssumeRole",
            json!({}),
            "no",
        ),
        (s3.clone(), "sts:TagSession", json!({}), "no"),
        (s3.clone(), "sts:*", json!({}), "yes"),
        (
            json!({"AWS": "111122223333"}),
            "sts:AssumeRole",
            json!({}),
            "no",
        ),
        (json!("*"), "sts:AssumeRole", json!({}), "may"),
        // Whether S3 sends these, AWS does not say.
        (
            s3.clone(),
            "sts:AssumeRole",
            json!({"StringEquals": {"aws:SourceAccount": ACCOUNT}}),
            "may",
        ),
        (
            s3.clone(),
            "sts:AssumeRole",
            json!({"StringEquals": {"aws:SourceAccount": "444455556666"}}),
            "no",
        ),
        (
            s3.clone(),
            "sts:AssumeRole",
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::source"}}),
            "may",
        ),
        (
            s3.clone(),
            "sts:AssumeRole",
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::other"}}),
            "no",
        ),
        (
            s3.clone(),
            "sts:AssumeRole",
            json!({"StringEquals": {"sts:ExternalId": "x"}}),
            "no",
        ),
    ] {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition});
        assert_eq!(trust(&statement), (expected, "no"), "{statement}");
    }
    let denied = json!([{"Effect": "Allow", "Principal": s3, "Action": "sts:AssumeRole"},
                        {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}]);
    assert_eq!(trust(&denied), ("yes", "yes"));
}

#[test]
fn what_is_no_policy_is_none() {
    for text in ["{}", "", "[]", r#"{"Statement": 7}"#] {
        assert!(Statements::parse(text).is_none(), "{text}");
    }
    assert!(Statements::parse(r#"{"Statement": {}}"#).is_some());
}
