//! What the provisioner really sends to AWS, and what it makes of each answer, against a server on the
//! loopback address.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod owners;
#[cfg(test)]
mod server;
