//! Requests as a person's stack makes them.

mod accounts;
mod adopt;
mod bounded;
mod changes;
mod costs;
mod deputies;
mod direct;
mod drift;
mod existing;
mod fresh;
mod harm_buckets;
mod harm_garbage;
mod harm_keys;
mod harm_rollback;
mod limits;
mod locked;
mod many;
mod messages;
mod newer;
mod proof;
mod records;
mod refusals;
mod shared;
mod strangers;
mod updates;
mod walkthrough;
