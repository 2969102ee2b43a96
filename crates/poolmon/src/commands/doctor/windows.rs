//! What a Windows kernel tells, query by query.

use super::Check;

/// All checks, the most important first.
pub fn checks() -> Vec<Check> {
    Vec::new()
}
