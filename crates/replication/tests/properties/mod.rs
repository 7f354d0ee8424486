//! What holds for every specification, every start and every fault.
