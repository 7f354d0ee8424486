//! Requests as a person's stack makes them.

mod accounts;
mod adopt;
mod costs;
mod direct;
mod existing;
mod fresh;
mod many;
mod proof;
mod refusals;
mod shared;
mod updates;
mod walkthrough;
