//! Lambda function behind Custom::EncryptedReplication.

fn main() {}
