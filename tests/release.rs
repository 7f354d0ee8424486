//! The package of a release in S3, as who installs it in several accounts puts it there.

use std::fs;

use anyhow::{Context, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use sandbox::sam::{ARCHITECTURE, FUNCTIONS};
use sandbox::tools::target_directory;

use crate::SOURCE_REGION;

const TEMPLATE: &str = "stack-sets.json";

/// The template's address, as CloudFormation asks for it, where its buckets' names begin with `prefix`.
#[must_use]
pub fn template(prefix: &str, region: &str) -> String {
    format!("https://s3.{region}.amazonaws.com/{prefix}-{region}/{TEMPLATE}")
}

/// Makes the bucket of a Region, as Lambda takes code from no other, and puts the functions' zips and the template for
/// stack sets there. `prefix` is what the parameter `CodeBucketPrefix` says.
///
/// Returns the bucket's name.
///
/// # Errors
/// When S3 refuses it, or there is no package: `cargo xtask package` makes it.
pub async fn upload(s3: &Client, prefix: &str, region: &str) -> Result<String> {
    let bucket = format!("{prefix}-{region}");
    let elsewhere = (region != SOURCE_REGION).then(|| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region))
            .build()
    });
    let create = s3.create_bucket().bucket(&bucket);
    create
        .set_create_bucket_configuration(elsewhere)
        .send()
        .await?;
    let zips = FUNCTIONS.map(|name| format!("{name}-{ARCHITECTURE}.zip"));
    let template = format!("stack-sets-{ARCHITECTURE}.json");
    let files = zips.iter().map(|name| (name.as_str(), name.as_str()));
    for (key, file) in files.chain([(TEMPLATE, template.as_str())]) {
        let path = target_directory().join("package").join(file);
        let bytes = fs::read(path).context("`cargo xtask package` comes first")?;
        let put = s3.put_object().bucket(&bucket).key(key);
        put.body(bytes.into()).send().await?;
    }
    Ok(bucket)
}
