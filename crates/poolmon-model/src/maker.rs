//! Which module made a slab cache.

/// A cache that a module made when it was loaded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheMaker {
    /// Name of the cache.
    pub cache: String,
    /// The module.
    pub module: String,
    /// Grows with each module that is loaded.
    pub loaded: u64,
}
