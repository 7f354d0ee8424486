//! What AWS calls things, in one place: [`Arn`], [`Home`] (partition, Region and account of a
//! function), accounts, Regions, bucket names, [`KeyName`]s of KMS, and names derived from texts
//! ([`digest`]). Pure, and nothing of ours below it.

mod arn;
pub mod digest;
mod endpoint;
mod home;
mod kms;
mod names;

pub use self::arn::Arn;
pub use self::endpoint::{is_local, needs_path_style};
pub use self::home::Home;
pub use self::kms::{AliasArn, KeyArn, KeyName, KeyNameError};
pub use self::names::{
    is_account_id, is_bucket_name, is_old_bucket_name, is_plain, is_region, partition_of,
};
