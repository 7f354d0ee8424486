//! Requests as a person's stack makes them.

mod fresh;
