//! The resource against an AWS in memory that refuses what AWS refuses, fails where it is told to,
//! and replicates objects as the rules, the role's policies and the keys let it.

#[cfg(test)]
pub(crate) use aws_in_memory as aws;

#[cfg(test)]
mod harness;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scenarios;
