//! What the kernel's refusals are called, and what a person can do about them.

use crate::SourceError;

/// Done.
pub const SUCCESS: u32 = 0;
/// The kernel does not answer this class at all.
pub const NOT_IMPLEMENTED: u32 = 0xC000_0002;
/// The kernel does not know this class.
pub const INVALID_INFO_CLASS: u32 = 0xC000_0003;
/// The buffer is too small.
pub const INFO_LENGTH_MISMATCH: u32 = 0xC000_0004;
/// The buffer lies wrongly in memory.
pub const DATATYPE_MISALIGNMENT: u32 = 0x8000_0002;
/// The caller lacks a right.
pub const ACCESS_DENIED: u32 = 0xC000_0022;

/// The public name of a status, if it is one that these calls are known to answer with.
pub const fn name(status: u32) -> Option<&'static str> {
    Some(match status {
        SUCCESS => "STATUS_SUCCESS",
        DATATYPE_MISALIGNMENT => "STATUS_DATATYPE_MISALIGNMENT",
        0xC000_0001 => "STATUS_UNSUCCESSFUL",
        NOT_IMPLEMENTED => "STATUS_NOT_IMPLEMENTED",
        INVALID_INFO_CLASS => "STATUS_INVALID_INFO_CLASS",
        INFO_LENGTH_MISMATCH => "STATUS_INFO_LENGTH_MISMATCH",
        0xC000_0005 => "STATUS_ACCESS_VIOLATION",
        0xC000_000D => "STATUS_INVALID_PARAMETER",
        0xC000_0017 => "STATUS_NO_MEMORY",
        ACCESS_DENIED => "STATUS_ACCESS_DENIED",
        0xC000_0023 => "STATUS_BUFFER_TOO_SMALL",
        0xC000_0061 => "STATUS_PRIVILEGE_NOT_HELD",
        0xC000_009A => "STATUS_INSUFFICIENT_RESOURCES",
        0xC000_00BB => "STATUS_NOT_SUPPORTED",
        _ => return None,
    })
}

/// A status in words: `0xc0000022 STATUS_ACCESS_DENIED`.
pub fn text(status: u32) -> String {
    name(status).map_or_else(|| format!("{status:#010x}"), |name| format!("{status:#010x} {name}"))
}

/// The error for a query of pool tags that ended with `status`.
pub fn tags_error(class: u32, status: u32) -> SourceError {
    let remedy = match status {
        INVALID_INFO_CLASS => {
            "read a saved log: poolmon top FILE\n  \
             this system does not report pool tags (nor does Wine); Windows 10, Server 2016 and later do"
        }
        NOT_IMPLEMENTED => {
            "run `gflags /r +ptg` as administrator, then reboot: pool tagging is off (possible only before Server \
                2003)"
        }
        ACCESS_DENIED => {
            "run poolmon from an ordinary command prompt, outside of a sandbox or a restricted token"
        }
        INFO_LENGTH_MISMATCH => "try again: the table kept growing while it was read",
        0xC000_0017 | 0xC000_009A => "close some programs and try again: the system is out of memory",
        _ => "see `poolmon doctor`: this status is not known from this call",
    };
    error(class, status, remedy)
}

/// The error for any query.
pub fn error(class: u32, status: u32, remedy: &str) -> SourceError {
    SourceError::Status {
        call: format!("NtQuerySystemInformation, class {class}"),
        status,
        meaning: name(status).map_or_else(String::new, |name| format!(" {name}")),
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::problem::Remedy as _;

    #[test]
    fn errors_name_the_class_the_status_and_what_helps() {
        let said = tags_error(22, INVALID_INFO_CLASS).in_full();
        assert!(said.contains("class 22 failed with status 0xc0000003 STATUS_INVALID_INFO_CLASS"), "{said}");
        assert!(said.contains("Wine"), "{said}");
        assert!(tags_error(22, NOT_IMPLEMENTED).in_full().contains("gflags /r +ptg"));
        assert!(tags_error(22, 0xC0DE_0001).in_full().contains("status 0xc0de0001\n"));
        assert_eq!(text(ACCESS_DENIED), "0xc0000022 STATUS_ACCESS_DENIED");
    }
}
