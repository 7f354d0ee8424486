//! Requests as a person's stack makes them.

mod adopt;
mod costs;
mod direct;
mod fresh;
mod proof;
mod refusals;
mod shared;
mod updates;
mod walkthrough;
