//! End-to-end tests: the built functions and the template in the sandbox.
