//! Some of AWS behind one address, as far as looks at replication go. It knows no write.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::athena;
use super::wire::Request;

/// What is there.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    pub(crate) buckets: usize,
    /// One bucket in so many has replication to `copies`.
    pub(crate) replicated: usize,
    /// A bucket whose destination is `unversioned`.
    pub(crate) broken: &'static str,
    /// Where all buckets are.
    pub(crate) region: &'static str,
    /// The organisation's.
    pub(crate) accounts: Vec<&'static str>,
    pub(crate) unassumable: &'static str,
    /// A call that is denied.
    pub(crate) denied: &'static str,
}

impl Default for Aws {
    fn default() -> Self {
        Self {
            buckets: 0,
            replicated: 1,
            broken: "",
            region: "us-east-1",
            accounts: Vec::new(),
            unassumable: "",
            denied: "",
        }
    }
}

/// A server; each answer takes its time.
#[derive(Debug)]
pub(crate) struct Server {
    endpoint: String,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(aws: Aws, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&calls);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (aws, kept) = (aws.clone(), Arc::clone(&kept));
                thread::spawn(move || serve(&socket, &aws, &kept, delay));
            }
        });
        Self { endpoint, calls }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The API's names of all calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

fn serve(socket: &TcpStream, aws: &Aws, calls: &Mutex<Vec<String>>, delay: Duration) {
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    let mut writer = socket;
    while let Some((request, _)) = Request::read(&mut reader) {
        let call = request.call();
        let (status, headers, body) = answer(aws, &call, &request);
        calls.lock().unwrap().push(call);
        thread::sleep(delay);
        let length = body.len();
        let reply = format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\n\r\n");
        let sent = writer.write_all(reply.as_bytes());
        if sent
            .and_then(|()| {
                writer.write_all(if request.method == "HEAD" {
                    b""
                } else {
                    body.as_bytes()
                })
            })
            .is_err()
        {
            return;
        }
    }
}

type Answer = (u16, String, String);

fn xml(status: u16, body: impl Into<String>) -> Answer {
    (
        status,
        "Content-Type: application/xml\r\n".into(),
        body.into(),
    )
}

fn error(status: u16, code: &str) -> Answer {
    xml(
        status,
        format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"),
    )
}

const ROLE: &str = "arn:aws:iam::111122223333:role/replicator";

#[expect(clippy::too_many_lines, reason = "one answer for each call")]
fn answer(aws: &Aws, call: &str, request: &Request) -> Answer {
    if call == aws.denied {
        return error(403, "AccessDenied");
    }
    if let Some(said) = athena::answer(call, &request.body) {
        let headers = "Content-Type: application/x-amz-json-1.1\r\n".to_owned();
        return (200, headers, said.to_string());
    }
    let bucket = request.path.trim_matches('/');
    let region = aws.region;
    let key = |region: &str| format!("arn:aws:kms:{region}:111122223333:key/k");
    match call {
        "GetCallerIdentity" => xml(
            200,
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/me</Arn>\
             <UserId>U</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        ),
        "AssumeRole" if !aws.unassumable.is_empty() && request.body.contains(aws.unassumable) => {
            xml(
                403,
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
            )
        }
        "AssumeRole" => xml(
            200,
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>\
             <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
             </Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ),
        "ListAccounts" => {
            let accounts = aws
                .accounts
                .iter()
                .map(|id| json!({"Id": id, "State": "ACTIVE"}));
            let body = json!({"Accounts": accounts.collect::<Vec<_>>()});
            (
                200,
                "Content-Type: application/x-amz-json-1.1\r\n".into(),
                body.to_string(),
            )
        }
        "ListBuckets" => {
            let buckets = (0..aws.buckets).map(|number| {
                format!("<Bucket><Name>bucket-{number:04}</Name><BucketRegion>{region}</BucketRegion></Bucket>")
            });
            let buckets: String = buckets.collect();
            xml(
                200,
                format!(
                    "<ListAllMyBucketsResult><Buckets>{buckets}</Buckets></ListAllMyBucketsResult>"
                ),
            )
        }
        "HeadBucket" if bucket == "nobodys" => (404, String::new(), String::new()),
        "HeadBucket" => (
            200,
            format!("x-amz-bucket-region: {region}\r\n"),
            String::new(),
        ),
        "GetBucketReplication" => {
            let number: usize = bucket
                .rsplit('-')
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or(1);
            if !number.is_multiple_of(aws.replicated) {
                return error(404, "ReplicationConfigurationNotFoundError");
            }
            let copies = if bucket == aws.broken {
                "copies"
            } else {
                "good-copies"
            };
            let key = key(region);
            xml(
                200,
                format!(
                    "<ReplicationConfiguration><Role>{ROLE}</Role><Rule><ID>all</ID><Priority>1</Priority>\
                 <Filter><Prefix></Prefix></Filter><Status>Enabled</Status><SourceSelectionCriteria><SseKmsEncryptedObjects>\
                 <Status>Enabled</Status></SseKmsEncryptedObjects></SourceSelectionCriteria>\
                 <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication><Destination>\
                 <Bucket>arn:aws:s3:::{copies}</Bucket><EncryptionConfiguration><ReplicaKmsKeyID>{key}</ReplicaKmsKeyID>\
                 </EncryptionConfiguration></Destination></Rule></ReplicationConfiguration>"
                ),
            )
        }
        "GetBucketVersioning" if bucket == "copies" => xml(
            200,
            "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
        ),
        "GetBucketVersioning" => xml(
            200,
            "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
        ),
        "GetBucketEncryption" => {
            let key = key(region);
            xml(
                200,
                format!(
                    "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms\
                 </SSEAlgorithm><KMSMasterKeyID>{key}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule>\
                 </ServerSideEncryptionConfiguration>"
                ),
            )
        }
        "GetBucketNotificationConfiguration" => xml(
            200,
            "<NotificationConfiguration></NotificationConfiguration>",
        ),
        "ListObjectVersions" => xml(200, athena::versions(bucket, &request.query)),
        "GetObject" => match athena::object(bucket) {
            Some(text) => (200, String::new(), text.to_owned()),
            None => error(404, "NoSuchKey"),
        },
        "GetObjectLockConfiguration" => error(404, "ObjectLockConfigurationNotFoundError"),
        "GetBucketRequestPayment" => xml(
            200,
            "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
        ),
        "GetBucketPolicy" => error(404, "NoSuchBucketPolicy"),
        "DescribeKey" => {
            let body = json!({"KeyMetadata": {"Arn": key(region), "KeyId": "k", "KeyState": "Enabled",
                "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT", "KeyManager": "CUSTOMER"}});
            (
                200,
                "Content-Type: application/x-amz-json-1.1\r\n".into(),
                body.to_string(),
            )
        }
        "GetKeyPolicy" => {
            let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*",
                "Resource": "*", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}]});
            let body = json!({"Policy": policy.to_string(), "PolicyName": "default"});
            (
                200,
                "Content-Type: application/x-amz-json-1.1\r\n".into(),
                body.to_string(),
            )
        }
        "GetRole" => {
            let trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
                         %22Principal%22%3A%7B%22Service%22%3A%22s3.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole\
                         %22%7D%5D%7D";
            xml(
                200,
                format!(
                    "<GetRoleResponse><GetRoleResult><Role><Path>/</Path><RoleName>replicator</RoleName><RoleId>R</RoleId>\
                 <Arn>{ROLE}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>{trust}\
                 </AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>"
                ),
            )
        }
        "SimulatePrincipalPolicy" => {
            let actions = request.body.split('&').filter_map(|field| {
                let (name, value) = field.split_once('=')?;
                name.starts_with("ActionNames")
                    .then(|| value.replace("%3A", ":"))
            });
            let results = actions.fold(String::new(), |results, action| {
                results
                    + "<member><EvalActionName>"
                    + &action
                    + "</EvalActionName><EvalDecision>allowed</EvalDecision></member>"
            });
            xml(
                200,
                format!(
                    "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><EvaluationResults>{results}\
                 </EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
                ),
            )
        }
        _ => error(501, "NotImplemented"),
    }
}
