//! What holds for every specification, every start and every fault.

mod faults;
mod hostile;
mod narrow;
mod normal;
mod random;
mod writers;
