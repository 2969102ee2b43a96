//! `poolmon measure`: wrong arguments and commands that fail. What is measured of this kernel is in `tests/kernel/`.

use std::process::Command;

use crate::{POOLMON, poolmon, text};

#[test]
fn wrong_arguments_and_commands_that_fail() {
    let none = poolmon(&["measure"]);
    assert_eq!(none.status.code(), Some(2), "a command is needed");
    let once = poolmon(&["measure", "--repeat", "1", "--", "x"]);
    assert_eq!(once.status.code(), Some(2), "one run tells nothing");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::process::Stdio;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::kernel::kernel_memory_is_readable;
    use crate::with_signals;

    const QUICK: [&str; 6] = ["measure", "--noise", "1s", "--settle", "200ms", "--seed=7"];

    fn measure(rest: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(POOLMON).args(QUICK).args(rest).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// A script must not take it for "nothing is lost".
    #[test]
    fn stopped_before_anything_was_measured_it_says_so_and_fails() {
        if !kernel_memory_is_readable() {
            return;
        }
        let mut child = with_signals(POOLMON)
            .args(["measure", "--noise", "10min", "--fail-on-loss", "--", "true"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", child.id());
        let catches = || {
            fs::read_to_string(&status).is_ok_and(|text| {
                let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap_or("0");
                u64::from_str_radix(caught, 16).is_ok_and(|mask| mask & 2 != 0)
            })
        };
        while !catches() {
            assert!(child.try_wait().unwrap().is_none(), "it watches the noise");
            thread::sleep(Duration::from_millis(20));
        }
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("nothing was measured"), "{}", text(&output.stderr));
    }

    #[test]
    fn a_command_that_fails_stops_it() {
        if !kernel_memory_is_readable() {
            return;
        }
        let (code, _, err) = measure(&["--", "/nonexistent/program"]);
        assert!(code == Some(1) && err.contains("/nonexistent/program") && err.contains("sh -c"), "{err}");
        let (code, _, err) = measure(&["--", "sh", "-c", "echo why >&2; exit 7"]);
        assert!(code == Some(1) && err.contains("why") && err.contains("--ignore-failure"), "{err}");
        let (code, out, err) = measure(&["--ignore-failure", "--repeat", "2", "--", "sh", "-c", "exit 7"]);
        assert_eq!(code, Some(0), "{err}");
        assert!(out.contains("4 runs ended with an exit code other than 0"), "{out}");
        assert!(out.contains("Too few runs"), "two runs prove nothing: {out}");
    }
}
