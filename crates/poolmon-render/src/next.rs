//! The command that follows on an answer.

use poolmon_model::Tag;

/// Who it is: the command that follows on a verdict, quoted for a shell.
pub fn who(tag: &Tag) -> String {
    let drivers = poolmon_owner::drivers_of(tag);
    let tag = tag.to_string();
    let tag = tag.trim_end();
    let quoted = if tag.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
        tag.to_owned()
    } else {
        format!("'{}'", tag.replace('\'', r"'\''"))
    };
    format!("find the driver, with evidence: poolmon who {quoted}{drivers}")
}
