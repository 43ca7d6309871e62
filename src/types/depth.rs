//! How deep a queue is.

/// How many wait in a queue, and how many may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Those that wait now.
    pub waiting: usize,
    /// One more than these is told to come later.
    pub most: usize,
}
