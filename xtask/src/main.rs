//! The project's own commands: demo, test, sandbox.

fn main() {}
