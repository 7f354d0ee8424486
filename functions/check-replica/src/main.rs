//! Lambda function that judges each replica's encryption as it arrives.

fn main() {}
