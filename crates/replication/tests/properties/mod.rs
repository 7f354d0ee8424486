//! What holds for every specification, every start and every fault.

mod faults;
mod normal;
mod random;
mod writers;
