//! The unmodified `poolmon.exe` under Wine, fed with tables of a kernel that we play.
//!
//! * `shim/shim.c`: the DLL beside the executable that answers for the kernel, and the script that it reads;
//! * `script.rs`: writes that script; `wine.rs`: the prefix, the shim's build, running; `terminal.rs`: tmux;
//! * `tables.rs`: numbers in, numbers out; `faults.rs`: what kernels can do to us; `screen.rs`: the live screen;
//! * `record.rs`, `recorder.rs`: recordings; `serve.rs`: the server; `service.rs`: the service; `trace.rs`: `trace`; `verdicts.rs`: `leaks` and `measure`;
//! * `holders.rs`: who holds what; `shim/leaker.c` is the program that leaks handles.
//!
//! `cargo xtask wine` runs all this. In the ordinary test command it runs where the executable has been built and Wine
//! is installed, else every test says that it is skipped.

#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod holders;
#[cfg(unix)]
mod record;
#[cfg(unix)]
mod recorder;
#[cfg(unix)]
mod screen;
#[cfg(unix)]
mod script;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod service;
#[cfg(unix)]
mod tables;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod trace;
#[cfg(unix)]
mod verdicts;
#[cfg(unix)]
mod wine;
