//! Boots a guest under QEMU, without KVM, and watches its console.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::guest::{END, Guest};

/// No run takes as long as this, also next to other work on this machine.
const PATIENCE: Duration = Duration::from_mins(30);

/// Runs the guest to its end; the seconds that it took here.
pub fn run(guest: &Guest) -> Result<u64, String> {
    let start = Instant::now();
    let mut qemu = Command::new("qemu-system-x86_64")
        .args([
            "-accel",
            "tcg",
            "-cpu",
            "max",
            "-smp",
            "1",
            "-m",
            "1024",
            "-nographic",
            "-no-reboot",
            "-nic",
            "none",
        ])
        // Virtual time: 16 ns an instruction, and no waiting while the processor sleeps. It needs a single processor:
        // with two, each waits for the other when the second one is started.
        .args(["-icount", "shift=4,align=off,sleep=off", "-rtc", "clock=vm"])
        .arg("-kernel")
        .arg(&guest.kernel)
        .arg("-initrd")
        .arg(&guest.initrd)
        .args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run qemu-system-x86_64: {error}"))?;
    let console = qemu.stdout.take().ok_or("qemu has no console")?;
    let (lines, received) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(console).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    let mut end = None;
    let (mut is_ours, mut boot) = (false, Vec::new());
    while let Ok(line) = received.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
        // What the firmware prints moves the cursor about.
        is_ours |= line.contains(super::guest::BEGIN);
        if let Some(code) = line.strip_prefix(END) {
            end = code.trim().parse::<u8>().ok();
        } else if is_ours {
            println!("  {line}");
        } else {
            boot.push(line);
        }
    }
    let _ = qemu.kill();
    let _ = qemu.wait();
    if !is_ours {
        println!("{}", boot.join("\n"));
    }
    match end {
        Some(0) => Ok(start.elapsed().as_secs()),
        Some(code) => Err(format!("the tests in the guest failed (exit code {code})")),
        None if start.elapsed() >= PATIENCE => {
            Err(format!("the guest did not end within {} min", PATIENCE.as_secs() / 60))
        }
        None => Err("the guest ended before its tests did: look at the console above".into()),
    }
}
