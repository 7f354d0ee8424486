//! Documents that are read, changed and written back: what others wrote stays to the byte, known to the
//! SDK or not.

use replication::configuration::{
    AsRead, Exclusions, Filter, NotificationConfiguration, Status, Tag,
};
use replication::error::ErrorKind;
use replication::merge;
use replication::owner::Owner;
use replication::ports::{BucketRef, Buckets, Targets};

use crate::server::Server;

const SOURCE: BucketRef<'_> = BucketRef {
    name: "source",
    region: "us-east-1",
};
const ROLE: &str = "arn:aws:iam::111122223333:role/encrypted-replication/source";

/// Rules of somebody's: exclusions and a multi-Region key as S3 has them since November 2026, a status,
/// a priority and members that nobody knows yet, and spaces where S3 puts none.
const THEIRS: [&str; 4] = [
    "<Rule><ID>but-drafts</ID><Priority>1</Priority><Filter><Not><Prefix>drafts/</Prefix></Not></Filter>\
     <Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::theirs</Bucket></Destination>\
     <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication></Rule>",
    "<Rule>\n  <Filter><And><Prefix>a&amp;b/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><Not><Or>\
     <Prefix>a&amp;b/tmp/</Prefix><Tag><Key>secret</Key><Value>yes</Value></Tag></Or></Not></And></Filter>\n  \
     <ID>and-not</ID><Status>Enabled</Status><Priority>2</Priority><SourceSelectionCriteria><SseKmsEncryptedObjects>\
     <Status>Enabled</Status></SseKmsEncryptedObjects></SourceSelectionCriteria><Destination>\
     <Bucket>arn:aws:s3:::theirs</Bucket><EncryptionConfiguration><UseSourceMultiRegionKey><Status>Enabled</Status>\
     </UseSourceMultiRegionKey></EncryptionConfiguration></Destination></Rule>",
    "<Rule><ID>of-tomorrow</ID><Priority>99999999999</Priority><Filter><Nor><Size unit=\"GB\">1</Size></Nor></Filter>\
     <Status>Paused</Status><Destination><Bucket>arn:aws:s3:::theirs</Bucket><StorageClass>LUNAR</StorageClass>\
     <Compression/></Destination><Schedule>nightly</Schedule></Rule>",
    "<Rule><ID>plain</ID><Priority>7</Priority><Filter><Prefix/></Filter><Status>Disabled</Status><Destination>\
     <Bucket>arn:aws:s3:::theirs</Bucket></Destination></Rule>",
];

fn rules(more: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ReplicationConfiguration \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Role>{ROLE}</Role>{}{more}<Everything><Now/></Everything>\
         </ReplicationConfiguration>",
        THEIRS.concat()
    )
}

fn us() -> Owner {
    Owner::new("stack", "Replication", "source")
}

/// A rule of ours as S3 gives it back.
fn ours(more: &str) -> String {
    format!(
        "<Rule><ID>{}</ID><Priority>3</Priority><Filter><Prefix>Tax/</Prefix></Filter><Status>Enabled</Status>\
         <SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects>\
         </SourceSelectionCriteria><Destination><Bucket>arn:aws:s3:::destination</Bucket>{more}<EncryptionConfiguration>\
         <ReplicaKmsKeyID>arn:aws:kms:us-west-2:111122223333:key/k</ReplicaKmsKeyID></EncryptionConfiguration><Metrics>\
         <Status>Enabled</Status></Metrics></Destination><DeleteMarkerReplication><Status>Disabled</Status>\
         </DeleteMarkerReplication></Rule>",
        us().rule_id(None, 0)
    )
}

/// The server holds one document and takes what is put.
async fn holding(document: String) -> Server {
    Server::start(move |request| {
        let get = request.line.starts_with("GET ");
        (200, if get { document.clone() } else { String::new() })
    })
    .await
}

#[tokio::test]
async fn rules_of_others_survive_ours_coming_and_going_to_the_byte() {
    let server = holding(rules("")).await;
    let aws = server.aws();
    let before = aws.replication(SOURCE).await.unwrap().unwrap();
    let wanted = {
        let server = holding(format!(
            "<ReplicationConfiguration><Role>{ROLE}</Role>{}</ReplicationConfiguration>",
            ours("")
        ))
        .await;
        let mut found = server.aws().replication(SOURCE).await.unwrap().unwrap();
        let mut rule = found.rules.remove(0);
        // As the properties make it.
        rule.as_read = AsRead::default();
        rule
    };
    let with = merge::replication(Some(&before), &us(), ROLE, std::slice::from_ref(&wanted));
    let with = with.unwrap().unwrap();
    aws.put_replication(SOURCE, &with).await.unwrap();
    let without = merge::replication(Some(&with), &us(), ROLE, &[]).unwrap();
    aws.put_replication(SOURCE, &without.unwrap())
        .await
        .unwrap();
    let requests = server.requests();
    let put: Vec<_> = requests
        .iter()
        .filter(|one| one.line.starts_with("PUT "))
        .collect();
    assert_eq!(put[0].line, "PUT /source/?replication");
    for request in &put {
        let mut at = 0;
        for rule in THEIRS {
            let found = request.body.get(at..).unwrap().find(rule);
            at += found.unwrap_or_else(|| panic!("{rule} in {}", request.body)) + rule.len();
        }
        assert!(
            request.body.contains("<Everything><Now/></Everything>"),
            "{}",
            request.body
        );
        let length = request.body.len().to_string();
        assert_eq!(request.header("content-length"), Some(length.as_str()));
        assert_eq!(request.header("content-type"), Some("application/xml"));
        // S3 takes no configuration without one, and it is of what is really sent.
        let sum = request.header("x-amz-checksum-crc32").expect("a checksum");
        assert_eq!(sum, crc32(&request.body).to_ascii_lowercase());
    }
    assert!(put[0].body.contains(&ours("")), "{}", put[0].body);
    assert!(!put[1].body.contains("destination"), "{}", put[1].body);
}

/// As in <https://www.rfc-editor.org/rfc/rfc1952#section-8>, in Base64.
fn crc32(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut sum = u32::MAX;
    for byte in text.bytes() {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xEDB8_8320 & (0_u32.wrapping_sub(sum & 1)));
        }
    }
    let bits = u64::from(!sum) << 4;
    let digits = (0..6)
        .rev()
        .map(|n| DIGITS[usize::try_from((bits >> (6 * n)) & 63).unwrap()] as char);
    digits.chain("==".chars()).collect()
}

#[tokio::test]
async fn what_is_understood_of_their_rules_is_what_they_say() {
    let server = holding(rules("")).await;
    let found = server.aws().replication(SOURCE).await.unwrap().unwrap();
    let [but, and, tomorrow, plain] = found.rules.as_slice() else {
        panic!("{found:?}");
    };
    let tag = |key: &str, value: &str| Tag {
        key: key.into(),
        value: value.into(),
    };
    let not = |prefixes: &[&str], tags: Vec<Tag>| Exclusions {
        prefixes: prefixes.iter().map(|one| (*one).into()).collect(),
        tags,
    };
    let expected = Filter {
        not: not(&["drafts/"], vec![]),
        ..Filter::default()
    };
    assert_eq!(but.filter, Some(expected));
    let expected = Filter {
        prefix: "a&b/".into(),
        tags: vec![tag("k", "v")],
        not: not(&["a&b/tmp/"], vec![tag("secret", "yes")]),
    };
    assert_eq!(and.filter, Some(expected));
    assert_eq!(
        and.destination.use_source_multi_region_key,
        Some(Status::Enabled)
    );
    for understood in [but, and, plain] {
        assert!(understood.as_read.is_understood(), "{understood:?}");
    }
    assert_eq!(
        (tomorrow.status, tomorrow.priority),
        (Status::Disabled, None)
    );
    assert_eq!(
        tomorrow.as_read.unknown,
        [
            "<Priority>99999999999</Priority>",
            "<Status>Paused</Status>",
            "<Nor><Size unit=\"GB\">1</Size></Nor>",
            "<Compression/>",
            "<Schedule>nightly</Schedule>",
        ]
    );
}

#[tokio::test]
async fn a_rule_of_ours_that_somebody_gave_a_member_is_not_ours_any_more() {
    let read = async |text: String| {
        let server = holding(text).await;
        server.aws().replication(SOURCE).await.unwrap().unwrap()
    };
    let document = |rule: &str| {
        format!("<ReplicationConfiguration><Role>{ROLE}</Role>{rule}</ReplicationConfiguration>")
    };
    let plain = read(document(&ours(""))).await;
    let mut wanted = plain.rules[0].clone();
    wanted.as_read = AsRead::default();
    let wanted = [wanted];
    assert_eq!(
        merge::replication(Some(&plain), &us(), ROLE, &wanted)
            .unwrap()
            .as_ref(),
        Some(&plain)
    );
    for changed in [
        ours("<Compression/>"),
        ours("").replace("<Prefix>Tax/</Prefix>", "<And><Prefix>Tax/</Prefix><Not><Prefix>Tax/x</Prefix></Not></And>"),
        ours("").replace("</ReplicaKmsKeyID>", "</ReplicaKmsKeyID><UseSourceMultiRegionKey><Status>Enabled</Status></UseSourceMultiRegionKey>"),
    ] {
        let found = read(document(&changed)).await;
        let merged = merge::replication(Some(&found), &us(), ROLE, &wanted).unwrap();
        assert_ne!(merged.as_ref(), Some(&found), "{changed}");
        assert_eq!(merged, Some(plain.clone()), "{changed}");
    }
}

#[tokio::test]
async fn notifications_of_others_survive_ours_coming_and_going_to_the_byte() {
    let theirs = [
        "<TopicConfiguration><Id>t</Id><Topic>arn:aws:sns:us-east-1:111122223333:t</Topic>\
         <Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>Prefix</Name><Value>in/</Value></FilterRule>\
         </S3Key><S3Tag><Key>k</Key></S3Tag></Filter></TopicConfiguration>",
        "<QueueConfiguration>\n<Id>q</Id><Queue>arn:aws:sqs:us-east-1:111122223333:q</Queue>\
         <Event>s3:SomethingNew:*</Event></QueueConfiguration>",
        "<CloudFunctionConfiguration><Id>f</Id><CloudFunction>arn:aws:lambda:us-east-1:111122223333:function:f\
         </CloudFunction><Event>s3:ObjectRemoved:*</Event><InvocationRole>r</InvocationRole></CloudFunctionConfiguration>",
        "<EventBridgeConfiguration><Bus>b</Bus></EventBridgeConfiguration>",
        "<PipeConfiguration><Id>p</Id><Pipe>arn:aws:pipes:us-east-1:111122223333:pipe/p</Pipe></PipeConfiguration>",
    ];
    let server = holding(format!(
        "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}</NotificationConfiguration>",
        theirs.concat()
    ))
    .await;
    let aws = server.aws();
    let before = aws.notifications(SOURCE).await.unwrap();
    assert!(before.event_bridge);
    assert_eq!(
        before.topics[0].key_filters,
        [("Prefix".to_owned(), "in/".to_owned())]
    );
    let queue = "arn:aws:sqs:us-east-1:111122223333:checker";
    let with = merge::with_failure_events(&before, &us(), queue);
    assert_ne!(with, before);
    aws.put_notifications(SOURCE, &with, Targets::Checked)
        .await
        .unwrap();
    let without = merge::without_failure_events(&with, &us(), None);
    assert_eq!(without, before);
    aws.put_notifications(SOURCE, &without, Targets::AsTheyAre)
        .await
        .unwrap();
    let requests = server.requests();
    let put: Vec<_> = requests
        .iter()
        .filter(|one| one.line.starts_with("PUT "))
        .collect();
    for request in &put {
        for one in theirs {
            assert!(request.body.contains(one), "{one} in {}", request.body);
        }
        assert_eq!(request.body.matches("EventBridgeConfiguration>").count(), 2);
    }
    assert!(put[0].body.contains(queue) && !put[1].body.contains(queue));
    let skips = |n: usize| put[n].header("x-amz-skip-destination-validation");
    assert_eq!((skips(0), skips(1)), (None, Some("true")));
}

#[tokio::test]
async fn a_default_is_set_and_everything_beside_it_stays_to_the_byte() {
    let theirs = [
        "<Fips>true</Fips>",
        "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType><EncryptionType>SSE-X</EncryptionType>\
         </BlockedEncryptionTypes>",
        "<Rotation><Days>7</Days></Rotation>",
        "<Rule><Second/></Rule>",
        "<Everything/>",
    ];
    let [in_default, blocked, in_rule, second, beside] = theirs;
    let server = holding(format!(
        "<ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule>\
         <ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>{in_default}\
         </ApplyServerSideEncryptionByDefault>{blocked}<BucketKeyEnabled>false</BucketKeyEnabled>{in_rule}</Rule>{second}\
         {beside}</ServerSideEncryptionConfiguration>"
    ))
    .await;
    let aws = server.aws();
    let present = aws.default_encryption(SOURCE).await.unwrap().unwrap();
    assert_eq!(
        (present.algorithm.as_str(), present.bucket_key_enabled),
        ("AES256", false)
    );
    assert_eq!(present.blocked, ["SSE-C", "SSE-X"]);
    let mut to = present.clone();
    to.algorithm = "aws:kms".into();
    to.kms_key = Some("arn:aws:kms:us-east-1:111122223333:key/k".into());
    to.bucket_key_enabled = true;
    to.as_read = AsRead::default();
    to.blocked = Vec::new();
    let to = to.in_place_of(Some(present));
    aws.put_default_encryption(SOURCE, &to).await.unwrap();
    let body = server.requests().pop().unwrap().body;
    for one in theirs {
        assert_eq!(body.matches(one).count(), 1, "{one} in {body}");
    }
    let set = "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>arn:aws:kms:us-east-1:111122223333:key/k</KMSMasterKeyID>";
    assert!(
        body.contains(set) && body.contains("<BucketKeyEnabled>true</BucketKeyEnabled>"),
        "{body}"
    );
    assert!(!body.contains("AES256"), "{body}");
}

#[tokio::test]
async fn an_answer_that_is_no_such_document_may_be_better_the_next_time() {
    for body in [
        "",
        "<html>busy</html>",
        "<ReplicationConfiguration><Role>",
        "<Error/>",
    ] {
        let server = holding(body.to_owned()).await;
        let error = server.aws().replication(SOURCE).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient, "{body}");
        assert!(
            error.to_string().contains("GetBucketReplication"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_bucket_without_rules_or_default_has_none_and_a_refusal_names_what_it_is_about() {
    let error = |code: &str, more: &str| {
        format!("<Error><Code>{code}</Code><Message>no</Message>{more}</Error>")
    };
    let none = error("ReplicationConfigurationNotFoundError", "");
    let server = Server::start(move |_| (404, none.clone())).await;
    assert_eq!(server.aws().replication(SOURCE).await, Ok(None));
    let none = error("ServerSideEncryptionConfigurationNotFoundError", "");
    let server = Server::start(move |_| (404, none.clone())).await;
    assert_eq!(server.aws().default_encryption(SOURCE).await, Ok(None));
    let refused = "<Error><Code>InvalidArgument</Code><Message>Unable to validate the following destination \
                   configurations</Message><ArgumentName1>arn:aws:sqs:us-east-1:111122223333:gone, null</ArgumentName1>\
                   <ArgumentValue1>The destination queue does not exist</ArgumentValue1><RequestId>R</RequestId></Error>";
    let server = Server::start(move |_| (400, refused.to_owned())).await;
    let to = NotificationConfiguration::default();
    let error = server
        .aws()
        .put_notifications(SOURCE, &to, Targets::Checked)
        .await
        .unwrap_err();
    assert!(error.is_final());
    let told = error.to_string();
    assert!(
        told.contains(
            "`arn:aws:sqs:us-east-1:111122223333:gone, null`: The destination queue does not exist"
        ),
        "{told}"
    );
}
