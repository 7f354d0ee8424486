//! The protocol as the other side sees it: what goes in, and what is put to the URL.

#[cfg(test)]
mod common;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod envelope;
#[cfg(test)]
mod guarding;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod sdk_errors;
#[cfg(test)]
mod wire;
