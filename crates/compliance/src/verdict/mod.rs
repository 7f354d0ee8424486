//! The verdict on one replica version: what was observed against what was expected.
//!
//! `kind` and `evidence` are what there is to say and what it rests on; `judge` decides, `text` has the
//! words; `finding` is a judgement with what it is about.

mod evidence;
mod finding;
mod judge;
mod kind;
mod repair;
mod replication;
mod text;

pub use self::evidence::{
    Allowed, Authority, Evidence, Expected, ExpectedKey, KeyState, ObservedKey, Standing,
};
pub use self::finding::{SCHEMA, Verdict};
pub use self::judge::judge_object;
pub(crate) use self::judge::{is_replica, may_be_replica};
pub use self::kind::{Detail, Judgement, Kind};
pub(crate) use self::repair::{not_repaired, repaired, repaired_unseen};
pub use self::replication::judge_replication;
pub use self::text::{access_denied, customer_key, gone, other_region};
