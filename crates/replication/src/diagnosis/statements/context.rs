//! What a request of S3's bears, as far as AWS says so: by condition key, each value that it may have.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html> and
//! <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html>. A key that is not here is
//! one of which nothing is known: where S3's calls come from, whose organisation it is, tags, the time.

use std::collections::BTreeMap;

use super::pattern::Extent;
use aws_names::Arn;

/// What a key may be: absent, or there with these values.
pub(super) type World = Option<Vec<Extent>>;

/// By key, in small letters: what it may be. One world where that is certain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context(BTreeMap<String, Vec<World>>);

impl Context {
    /// Of a call that S3 makes in the name of a role, on what belongs to `owner`'s account.
    pub(crate) fn of_role(role: &Arn, owner: &str) -> Self {
        let mut context = Self::default();
        context.is("aws:securetransport", "true");
        context.either("s3:tlsversion", [Some("1.2"), Some("1.3")]);
        context.is("aws:principalarn", &role.to_string());
        context.is("aws:principalaccount", &role.account);
        // A service that acts by a role of its own making is no service to the policies.
        context.is("aws:principalisawsservice", "false");
        context.is("aws:resourceaccount", owner);
        for absent in [
            "aws:principalservicename",
            "aws:principalservicenameslist",
            "aws:sourceaccount",
            "aws:sourcearn",
            "aws:sourceorgid",
            "aws:sourceorgpaths",
            "aws:username",
        ] {
            context.either(absent, [None]);
        }
        // Nobody's device is asked for where a service assumes a role.
        context.either("aws:multifactorauthpresent", [None, Some("false")]);
        context
    }

    /// Of what it does to a bucket and its objects.
    pub(crate) fn of_bucket(role: &Arn, owner: &str) -> Self {
        let mut context = Self::of_role(role, owner);
        context.is("s3:resourceaccount", owner);
        context.is("aws:viaawsservice", "false");
        context.either("aws:calledvia", [None]);
        context
    }

    /// Of its use of a key of the account `owner` by way of one of `hosts`, S3's names in a Region, for what
    /// `encryption_context` names.
    pub(crate) fn of_key(
        role: &Arn,
        owner: &str,
        hosts: &[String],
        encryption_context: Extent,
    ) -> Self {
        let mut context = Self::of_role(role, owner);
        context.either(
            "kms:viaservice",
            hosts.iter().map(|host| Some(host.as_str())),
        );
        context.is("kms:calleraccount", &role.account);
        let arn = vec![Some(vec![encryption_context])];
        context
            .0
            .insert("kms:encryptioncontext:aws:s3:arn".into(), arn);
        context.is("kms:encryptioncontextkeys", "aws:s3:arn");
        context.is("kms:encryptionalgorithm", "SYMMETRIC_DEFAULT");
        context.is("kms:keyspec", "SYMMETRIC_DEFAULT");
        context.is("kms:keyusage", "ENCRYPT_DECRYPT");
        // S3 uses no grants for this.
        context.either("kms:grantisforawsresource", [None]);
        context
    }

    /// Of the call by which `service` assumes a role for a bucket. What it says of the bucket, AWS
    /// does not say.
    pub(crate) fn of_service(service: &str, account: &str, bucket_arn: &str) -> Self {
        let mut context = Self::default();
        context.is("aws:securetransport", "true");
        context.is("aws:principalisawsservice", "true");
        context.is("aws:principalservicename", service);
        context.either("aws:sourceaccount", [None, Some(account)]);
        context.either("aws:sourcearn", [None, Some(bucket_arn)]);
        for absent in [
            "sts:externalid",
            "aws:multifactorauthpresent",
            "aws:username",
        ] {
            context.either(absent, [None]);
        }
        context
    }

    fn is(&mut self, key: &str, value: &str) {
        self.either(key, [Some(value)]);
    }

    fn either<'a>(&mut self, key: &str, values: impl IntoIterator<Item = Option<&'a str>>) {
        let values = values.into_iter();
        let worlds = values.map(|value| value.map(|value| vec![Extent::from(value)]));
        self.0.insert(key.to_owned(), worlds.collect());
    }

    /// What the key may be; `None` where nothing is known of it.
    pub(super) fn worlds(&self, key: &str) -> Option<&[World]> {
        self.0.get(&key.to_lowercase()).map(Vec::as_slice)
    }

    /// What a policy variable stands for, where it is one known text.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        match self.worlds(name)? {
            [Some(values)] => match values.as_slice() {
                [Extent::One(text)] => Some(text.clone()),
                _ => None,
            },
            _ => None,
        }
    }
}
