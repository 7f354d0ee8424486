//! Sealing in the local cloud: a bucket with Object Lock, a key of KMS's, and a stranger to this code who holds the
//! signature against the public key alone.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;
    use std::time::Duration;

    use anyhow::{Context as _, Result, ensure};
    use aws_sdk_kms::types::{KeySpec, KeyUsageType};
    use aws_sdk_s3::types::{
        DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode,
        ObjectLockRule,
    };
    use evidence::aws::{Bucket, Key};
    use evidence::seal::{Clock, Report, Sealer};
    use evidence::{Chain, Day, Found, Hash, Lake, SignedDigest};
    use expectation::Time;
    use sandbox::tools::target_directory;
    use sandbox::{Sandbox, Tools};

    const REGION: &str = "us-east-1";
    const ACCOUNT: &str = "000000000000";
    const BUCKET: &str = "evidence-of-tests";
    const PREFIX: &str = "verdicts/account=1/region=r/bucket=tax/day=2026-11-01";

    /// As if it were this many days later than it is.
    struct Later(i64);

    impl Clock for Later {
        fn now(&self) -> Time {
            let now = std::time::SystemTime::now();
            let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
            let secs = i64::try_from(since.as_secs()).unwrap();
            // In the middle of a day, whatever time it is.
            Time::from_secs(Day::of(secs).begins() + self.0 * 86_400 + 43_200)
        }
    }

    struct Cloud {
        sandbox: Sandbox,
        s3: aws_sdk_s3::Client,
        kms: aws_sdk_kms::Client,
        key: String,
    }

    impl Cloud {
        async fn open(tools: &Tools) -> Result<Self> {
            let sandbox = Sandbox::start(tools, 0).await?;
            let sdk = sandbox.config(REGION);
            let (s3, kms) = (
                aws_sdk_s3::Client::new(&sdk),
                aws_sdk_kms::Client::new(&sdk),
            );
            s3.create_bucket()
                .bucket(BUCKET)
                .object_lock_enabled_for_bucket(true)
                .send()
                .await?;
            let retention = DefaultRetention::builder()
                .mode(ObjectLockRetentionMode::Governance)
                .days(400)
                .build();
            let rule = ObjectLockRule::builder()
                .default_retention(retention)
                .build();
            let lock = ObjectLockConfiguration::builder()
                .object_lock_enabled(ObjectLockEnabled::Enabled)
                .rule(rule)
                .build();
            s3.put_object_lock_configuration()
                .bucket(BUCKET)
                .object_lock_configuration(lock)
                .send()
                .await?;
            let key = kms
                .create_key()
                .key_spec(KeySpec::EccNistP256)
                .key_usage(KeyUsageType::SignVerify)
                .send()
                .await?;
            let key = key.key_metadata.and_then(|key| key.arn).context("no key")?;
            Ok(Self {
                sandbox,
                s3,
                kms,
                key,
            })
        }

        async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
            let put = self
                .s3
                .put_object()
                .bucket(BUCKET)
                .key(key)
                .body(bytes.into());
            put.send().await?;
            Ok(())
        }

        async fn seal(&self, days_later: i64) -> Result<Report> {
            let sdk = self.sandbox.config(REGION);
            let lake = Lake {
                account: ACCOUNT.to_owned(),
                region: REGION.to_owned(),
                bucket: BUCKET.to_owned(),
            };
            let store = Bucket::new(&sdk, BUCKET.to_owned(), ACCOUNT.to_owned());
            let sealer = Sealer::new(
                lake,
                store,
                Key::new(&sdk, self.key.clone()),
                Later(days_later),
            );
            Ok(sealer.run(Time::from_secs(i64::MAX)).await?)
        }

        async fn file(&self, key: &str) -> Result<Vec<u8>> {
            let got = self.s3.get_object().bucket(BUCKET).key(key).send().await?;
            Ok(got.body.collect().await?.to_vec())
        }
    }

    /// By Python's `cryptography`, of the members of the file as any reader of JSON has them.
    async fn verified_by_others(cloud: &Cloud, file: &[u8]) -> Result<bool> {
        const SCRIPT: &str = "\
import base64, json, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
file = json.load(open(sys.argv[1]))
signed = json.dumps(file['digest'], separators=(',', ':'), ensure_ascii=False).encode()
key = serialization.load_der_public_key(open(sys.argv[2], 'rb').read())
try:
    key.verify(base64.b64decode(file['signature']['value']), signed, ec.ECDSA(hashes.SHA256()))
except InvalidSignature:
    sys.exit(3)
";
        let public = cloud.kms.get_public_key().key_id(&cloud.key).send().await?;
        let public = public.public_key.context("no public key")?;
        let folder = std::env::temp_dir().join(format!("evidence-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let (digest, key) = (folder.join("digest.json"), folder.join("key.der"));
        fs::write(&digest, file)?;
        fs::write(&key, public.as_ref())?;
        let told = Command::new(target_directory().join("venv/bin/python"))
            .args(["-c", SCRIPT])
            .args([&digest, &key])
            .output()?;
        fs::remove_dir_all(&folder)?;
        let words = String::from_utf8_lossy(&told.stderr).into_owned();
        ensure!(
            matches!(told.status.code(), Some(0 | 3)),
            "{}: {words}",
            told.status
        );
        Ok(told.status.success())
    }

    async fn sealed_and_verified(tools: &Tools) -> Result<()> {
        let cloud = Cloud::open(tools).await?;
        // More than a page, and one object of more than a piece.
        for number in 0..3 {
            cloud
                .put(&format!("{PREFIX}/{number}.parquet"), vec![number; 10])
                .await?;
        }
        cloud
            .put(&format!("{PREFIX}/large.parquet"), vec![7; 3_000_000])
            .await?;
        cloud
            .put("errors/format-conversion-failed/x", vec![1])
            .await?;

        let report = cloud.seal(1).await?;
        let [sealed] = report.sealed.as_slice() else {
            anyhow::bail!("{report:?}")
        };
        ensure!(
            (sealed.objects, sealed.bytes, sealed.undelivered) == (4, 3_000_030, 1),
            "{sealed:?}"
        );
        let first = cloud.file(&sealed.digest).await?;
        ensure!(
            verified_by_others(&cloud, &first).await?,
            "the signature is not the key's"
        );
        let text = String::from_utf8(first.clone())?;
        let forged = text.replacen("\"size\":10", "\"size\":11", 1);
        ensure!(forged != text, "{text}");
        ensure!(
            !verified_by_others(&cloud, forged.as_bytes()).await?,
            "any signature is right"
        );

        // Again on the same day: nothing. Two days later: the two days, after the first.
        ensure!(cloud.seal(1).await?.sealed.is_empty(), "sealed twice");
        let report = cloud.seal(3).await?;
        ensure!(
            (report.sealed.len(), report.overdue) == (2, 1),
            "{report:?}"
        );

        // The chain over what is there, with the listing.
        let mut chain = Chain::new(BUCKET, sealed.day);
        let keys = std::iter::once(sealed)
            .chain(&report.sealed)
            .map(|day| &day.digest);
        for key in keys {
            let file = cloud.file(key).await?;
            let verify = |read: &SignedDigest| read.signature.bytes().map(drop);
            let digest = chain.digest(key, &file, verify).context("no digest")?;
            for object in digest.objects {
                let got = cloud.file(&object.key).await?;
                let (size, sha256) = (got.len() as u64, Hash::of(&got));
                chain.object(key, &object, Found::Bytes { size, sha256 });
            }
        }
        let listed = cloud
            .s3
            .list_object_versions()
            .bucket(BUCKET)
            .prefix("verdicts/")
            .send()
            .await?;
        for version in listed.versions.unwrap_or_default() {
            let (key, id) = (
                version.key.context("no key")?,
                version.version_id.context("no id")?,
            );
            chain.listed(&key, &id, sealed.day);
        }
        let until = report.sealed.last().context("no day")?.day;
        let outcome = chain.finish(until, None);
        ensure!(
            outcome.faults.is_empty() && outcome.hashed == 4,
            "{outcome:?}"
        );

        // A last digest that somebody changed is not followed.
        cloud
            .put(
                &report.sealed.last().context("no day")?.digest,
                forged.into_bytes(),
            )
            .await?;
        let error = cloud
            .seal(4)
            .await
            .err()
            .context("a forged digest was followed")?;
        ensure!(
            error
                .to_string()
                .contains("is no digest that can be followed"),
            "{error:#}"
        );
        Ok(())
    }

    #[test]
    fn days_are_sealed_and_others_verify_them() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let done = runtime.block_on(async {
            let tools = Tools::install(|_| {}).await.unwrap();
            tokio::time::timeout(Duration::from_mins(3), sealed_and_verified(&tools)).await
        });
        done.expect("no end").unwrap();
    }
}
