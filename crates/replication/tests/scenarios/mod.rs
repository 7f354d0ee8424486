//! Requests as a person's stack makes them.

mod accounts;
mod adopt;
mod costs;
mod direct;
mod drift;
mod existing;
mod fresh;
mod locked;
mod many;
mod proof;
mod records;
mod refusals;
mod shared;
mod updates;
mod walkthrough;
