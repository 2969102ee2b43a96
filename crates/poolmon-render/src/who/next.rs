//! `who --next`: the next commands for a tag, each for its own tool.

use std::io::{self, Write};

use poolmon_owner::next::NextCommand;
use poolmon_print::schema;
use serde_json::{Value, json};

/// For a person.
pub fn text(out: &mut dyn Write, commands: &[NextCommand]) -> io::Result<()> {
    for command in commands {
        writeln!(out, "{}: {}", command.tool, command.shows)?;
        // Lines of a script keep their place: PowerShell ends a text only at the start of a line.
        let indent = if command.command.contains('\n') { "" } else { "    " };
        writeln!(out, "{indent}{}", command.command)?;
        writeln!(out, "    needs: {}", command.needs)?;
    }
    Ok(())
}

/// One JSON object.
pub fn json(out: &mut dyn Write, commands: &[NextCommand]) -> io::Result<()> {
    let rows: Vec<Value> = commands
        .iter()
        .map(|next| {
            json!({ "tool": next.tool, "command": next.command, "shows": next.shows, "needs": next.needs })
        })
        .collect();
    crate::json(out, &json!({ "schema": schema::NEXT, "commands": rows }))
}
