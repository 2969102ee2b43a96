//! The calls into Windows, each behind a safe function. Every `unsafe` of this crate is here.
#![expect(unsafe_code, reason = "Windows is called through C interfaces; each block says why it is sound")]

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;
use std::time::Duration;

use poolmon_model::Header;
use windows_sys::Win32::Foundation::{CloseHandle, ERROR_SUCCESS, GetLastError, HANDLE, LUID};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, GetTokenInformation, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW,
    SE_CHANGE_NOTIFY_NAME, SE_DEBUG_NAME, SE_PRIVILEGE_ENABLED, SE_SYSTEM_PROFILE_NAME,
    TOKEN_ADJUST_PRIVILEGES, TOKEN_INFORMATION_CLASS, TOKEN_PRIVILEGES, TOKEN_QUERY, TokenElevation,
    TokenElevationType, TokenElevationTypeDefault, TokenPrivileges, TokenUser,
};
use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE,
    RegisterEventSourceW, ReportEventW,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::ProcessStatus::{
    K32EnumDeviceDrivers, K32GetPerformanceInfo, PERFORMANCE_INFORMATION,
};
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_DWORD, RegGetValueW};
use windows_sys::Win32::System::SystemInformation::{
    ComputerNamePhysicalDnsHostname, GetComputerNameExW, GetTickCount64, GlobalMemoryStatusEx,
    MEMORYSTATUSEX, OSVERSIONINFOEXW,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};
use windows_sys::core::{BOOL, PCWSTR, w};

use super::facts::{Privilege, Version};
use crate::windows::query::{Kernel, QueryAnswer};
use crate::windows::security::Sid;
use crate::windows::source::Machine;

// Not in the import libraries that every toolchain has, and with classes that no header names: declared here.
#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "system" {
    fn NtQuerySystemInformation(class: u32, buffer: *mut c_void, size: u32, needed: *mut u32) -> i32;
    fn NtQueryObject(object: HANDLE, class: u32, buffer: *mut c_void, size: u32, needed: *mut u32) -> i32;
    fn RtlGetVersion(version: *mut OSVERSIONINFOEXW) -> i32;
}

/// The machine that this program runs on.
#[derive(Debug, Default)]
pub struct ThisMachine;

/// `SYSTEM_SESSION_PROCESS_INFORMATION`: what class 67 takes.
#[repr(C)]
struct SessionRequest {
    session: u32,
    size: u32,
    buffer: *mut c_void,
}

fn size_of_buffer(buffer: &[u8]) -> u32 {
    u32::try_from(buffer.len()).unwrap_or(u32::MAX)
}

impl Kernel for ThisMachine {
    fn query(&mut self, class: u32, buffer: &mut [u8]) -> QueryAnswer {
        let mut length = 0;
        // SAFETY: the pointer and the size are those of one exclusively borrowed buffer (the size never larger than
        // it), `length` lives until the call returns, and the kernel keeps neither pointer. It writes plain bytes only.
        let status = unsafe {
            NtQuerySystemInformation(
                class,
                buffer.as_mut_ptr().cast(),
                size_of_buffer(buffer),
                &raw mut length,
            )
        };
        QueryAnswer { status: status.cast_unsigned(), length }
    }

    fn query_session(&mut self, session: u32, buffer: &mut [u8]) -> QueryAnswer {
        let mut request =
            SessionRequest { session, size: size_of_buffer(buffer), buffer: buffer.as_mut_ptr().cast() };
        let size = u32::try_from(size_of::<SessionRequest>()).unwrap_or(0);
        let mut length = 0;
        // SAFETY: the kernel reads `request`, which outlives the call, and writes into the exclusively borrowed buffer
        // that it names, no further than the size in it; it keeps no pointer.
        let status = unsafe {
            NtQuerySystemInformation(
                crate::windows::decode::sessions::CLASS,
                (&raw mut request).cast(),
                size,
                &raw mut length,
            )
        };
        QueryAnswer { status: status.cast_unsigned(), length }
    }

    fn query_types(&mut self, buffer: &mut [u8]) -> QueryAnswer {
        let mut length = 0;
        // SAFETY: this class takes no object; the pointer and the size are those of one exclusively borrowed buffer, `length` lives
        // until the call returns, and the kernel keeps neither pointer. It writes plain bytes only.
        let status = unsafe {
            NtQueryObject(
                null_mut(),
                crate::windows::decode::objects::CLASS,
                buffer.as_mut_ptr().cast(),
                size_of_buffer(buffer),
                &raw mut length,
            )
        };
        QueryAnswer { status: status.cast_unsigned(), length }
    }
}

impl Machine for ThisMachine {
    fn figures(&mut self, header: &mut Header) {
        let size = u32::try_from(size_of::<PERFORMANCE_INFORMATION>()).unwrap_or(0);
        let mut reported = PERFORMANCE_INFORMATION { cb: size, ..PERFORMANCE_INFORMATION::default() };
        // SAFETY: `reported` is a live structure of the size that is passed; the call fills it and keeps nothing.
        if unsafe { K32GetPerformanceInfo(&raw mut reported, size) } != 0 {
            let bytes = |pages: usize| Some((pages as u64).saturating_mul(reported.PageSize as u64));
            header.memory_total = bytes(reported.PhysicalTotal);
            header.memory_available = bytes(reported.PhysicalAvailable);
            header.commit = bytes(reported.CommitTotal);
            header.commit_limit = bytes(reported.CommitLimit);
            header.commit_peak = bytes(reported.CommitPeak);
            header.pool_paged = bytes(reported.KernelPaged);
            header.pool_nonpaged = bytes(reported.KernelNonpaged);
            return;
        }
        let size = u32::try_from(size_of::<MEMORYSTATUSEX>()).unwrap_or(0);
        let mut reported = MEMORYSTATUSEX { dwLength: size, ..MEMORYSTATUSEX::default() };
        // SAFETY: `reported` is a live structure that says its own size; the call fills it and keeps nothing.
        if unsafe { GlobalMemoryStatusEx(&raw mut reported) } != 0 {
            header.memory_total = Some(reported.ullTotalPhys);
            header.memory_available = Some(reported.ullAvailPhys);
        }
    }

    fn uptime(&mut self) -> Option<Duration> {
        Some(uptime())
    }

    fn show_addresses(&mut self) -> bool {
        enable_debug_privilege()
    }
}

/// Time since boot, sleep included.
pub fn uptime() -> Duration {
    // SAFETY: takes nothing and cannot fail.
    Duration::from_millis(unsafe { GetTickCount64() })
}

/// The system's true version, whatever the manifest says.
pub fn version() -> Version {
    let mut reported = OSVERSIONINFOEXW {
        dwOSVersionInfoSize: u32::try_from(size_of::<OSVERSIONINFOEXW>()).unwrap_or(0),
        dwMajorVersion: 0,
        dwMinorVersion: 0,
        dwBuildNumber: 0,
        dwPlatformId: 0,
        szCSDVersion: [0; 128],
        wServicePackMajor: 0,
        wServicePackMinor: 0,
        wSuiteMask: 0,
        wProductType: 0,
        wReserved: 0,
    };
    // SAFETY: `reported` is a live structure that says its own size; the call fills it and keeps nothing.
    let _ = unsafe { RtlGetVersion(&raw mut reported) };
    Version {
        major: reported.dwMajorVersion,
        minor: reported.dwMinorVersion,
        build: reported.dwBuildNumber,
        server: reported.wProductType > 1,
    }
}

/// The computer's name.
pub fn computer_name() -> Option<String> {
    let mut name = [0_u16; 256];
    let mut length = 256;
    // SAFETY: `length` is the size of `name` in UTF-16 units, both live until the call returns.
    let done =
        unsafe { GetComputerNameExW(ComputerNamePhysicalDnsHostname, name.as_mut_ptr(), &raw mut length) };
    let name = name.get(..usize::try_from(length).ok()?)?;
    (done != 0 && !name.is_empty()).then(|| String::from_utf16_lossy(name))
}

/// How many drivers the loader lists, the kernel among them.
pub fn loaded_drivers() -> Option<usize> {
    let mut bases = vec![null_mut::<c_void>(); 4096];
    let size = u32::try_from(size_of_val(&*bases)).unwrap_or(0);
    let mut needed = 0;
    // SAFETY: pointer and size are those of `bases`, which outlives the call; the addresses in it are counted and never followed.
    let done = unsafe { K32EnumDeviceDrivers(bases.as_mut_ptr(), size, &raw mut needed) };
    (done != 0 && needed <= size).then(|| needed as usize / size_of::<*mut c_void>())
}

/// True under Wine, which says so itself.
pub fn is_wine() -> bool {
    // SAFETY: the name is a constant, NUL-terminated UTF-16 text. ntdll is in every process and never unloaded.
    let ntdll = unsafe { GetModuleHandleW(w!("ntdll.dll")) };
    // SAFETY: the handle is that of a loaded module or null, which the call refuses; the name is NUL-terminated. The
    // address is only compared with null, never called.
    !ntdll.is_null() && unsafe { GetProcAddress(ntdll, c"wine_get_version".as_ptr().cast()) }.is_some()
}

/// `GlobalFlag` as the registry has it for the next boot; `None` if it is not there.
pub fn global_flag() -> Option<u32> {
    registry_number(w!("SYSTEM\\CurrentControlSet\\Control\\Session Manager"), w!("GlobalFlag"))
}

/// Whether the kernel's code stays in memory, so that every stack can be walked.
pub fn is_executive_paging_disabled() -> bool {
    let key = w!("SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management");
    registry_number(key, w!("DisablePagingExecutive")).is_some_and(|value| value != 0)
}

/// A number of the machine's registry. Both names are constant texts that end in a zero.
fn registry_number(key: PCWSTR, name: PCWSTR) -> Option<u32> {
    let mut value = 0_u32;
    let mut size = 4;
    // SAFETY: both names are constant NUL-terminated UTF-16 texts, as this module's callers give no others; only a DWORD is accepted, and `value` has its size.
    let status = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key,
            name,
            RRF_RT_REG_DWORD,
            null_mut(),
            (&raw mut value).cast(),
            &raw mut size,
        )
    };
    (status == ERROR_SUCCESS).then_some(value)
}

/// This process's access token, closed with it.
struct Token(HANDLE);

impl Token {
    fn open(access: u32) -> Option<Self> {
        let mut token = null_mut();
        // SAFETY: the process handle is the constant pseudo handle, `token` is live until the call returns.
        let done = unsafe { OpenProcessToken(GetCurrentProcess(), access, &raw mut token) };
        (done != 0).then_some(Self(token))
    }

    /// What the token reports for a class, in words of 32 bits: these structures have no larger fields.
    fn information(&self, class: TOKEN_INFORMATION_CLASS) -> Option<Vec<u32>> {
        let mut words = vec![0_u32; 1024];
        let mut length = 0;
        // SAFETY: the handle is open until `self` is dropped; size and pointer are those of `words`, which outlives
        // the call; the kernel writes bytes and asks for the alignment of a ULONG.
        let done =
            unsafe { GetTokenInformation(self.0, class, words.as_mut_ptr().cast(), 4096, &raw mut length) };
        words.truncate(usize::try_from(length).ok()?.div_ceil(4));
        (done != 0).then_some(words)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // SAFETY: the handle was opened by `Token::open`, is owned by this value alone and closed once.
        unsafe { CloseHandle(self.0) };
    }
}

/// Runs with administrator's rights; `None` if the token does not say.
pub fn is_elevated() -> Option<bool> {
    Token::open(TOKEN_QUERY)?.information(TokenElevation)?.first().map(|&elevated| elevated != 0)
}

/// Whether this user's other programs may have lesser rights than this one: that is so unless the token says otherwise.
pub fn has_lesser_twin() -> bool {
    let kind = Token::open(TOKEN_QUERY).and_then(|token| token.information(TokenElevationType));
    kind.and_then(|words| words.first().copied()) != Some(TokenElevationTypeDefault.cast_unsigned())
}

/// The user as whom this program runs.
pub fn user() -> Option<Sid> {
    let words = Token::open(TOKEN_QUERY)?.information(TokenUser)?;
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    // A pointer and attributes; Windows puts the account behind them.
    Sid::read(bytes.get(2 * size_of::<usize>()..)?)
}

/// The number of a privilege. Its name is a constant text that ends in a zero.
fn luid(name: PCWSTR) -> Option<LUID> {
    let mut luid = LUID { LowPart: 0, HighPart: 0 };
    // SAFETY: the name is a constant NUL-terminated text, `luid` is live until the call returns.
    let done = unsafe { LookupPrivilegeValueW(null(), name, &raw mut luid) };
    (done != 0).then_some(luid)
}

/// Whether this process may and does use `SeDebugPrivilege`; `None` if the token does not say.
pub fn debug_privilege() -> Option<Privilege> {
    let luid = luid(SE_DEBUG_NAME)?;
    let words = Token::open(TOKEN_QUERY)?.information(TokenPrivileges)?;
    let (&count, entries) = words.split_first()?;
    let wanted = [luid.LowPart, luid.HighPart.cast_unsigned()];
    let entry = entries
        .as_chunks::<3>()
        .0
        .iter()
        .take(usize::try_from(count).unwrap_or(0))
        .find(|[low, high, _]| [*low, *high] == wanted);
    Some(match entry {
        None => Privilege::Absent,
        Some([.., attributes]) if attributes & SE_PRIVILEGE_ENABLED != 0 => Privilege::Enabled,
        Some(_) => Privilege::Disabled,
    })
}

/// Removes all privileges of this process but the one that every program has, to pass through folders, and, if wanted, those that show
/// addresses and stacks of the kernel. Where Windows refuses, they stay.
pub fn keep_privileges(of_kernel: bool) {
    const REMOVED: u32 = 4;
    let names: &[PCWSTR] = if of_kernel {
        &[SE_CHANGE_NOTIFY_NAME, SE_DEBUG_NAME, SE_SYSTEM_PROFILE_NAME]
    } else {
        &[SE_CHANGE_NOTIFY_NAME]
    };
    let kept: Vec<[u32; 2]> = names
        .iter()
        .filter_map(|name| luid(*name))
        .map(|luid| [luid.LowPart, luid.HighPart.cast_unsigned()])
        .collect();
    // A privilege whose number is unknown would be removed.
    let Some(token) =
        Token::open(TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY).filter(|_| kept.len() == names.len())
    else {
        return;
    };
    let Some(words) = token.information(TokenPrivileges) else { return };
    let all = words.get(1..).unwrap_or_default().as_chunks::<3>().0;
    let removed: Vec<u32> = all
        .iter()
        .filter(|[low, high, _]| !kept.contains(&[*low, *high]))
        .flat_map(|[low, high, _]| [*low, *high, REMOVED])
        .collect();
    let count = u32::try_from(removed.len() / 3).unwrap_or(0);
    let list: Vec<u32> = std::iter::once(count).chain(removed).collect();
    // SAFETY: the token is open with the access that this needs; `list` is a count and as many entries of three words, as
    // TOKEN_PRIVILEGES is laid out, and outlives the call; no earlier state is asked for.
    let _ = unsafe { AdjustTokenPrivileges(token.0, 0, list.as_ptr().cast(), 0, null_mut(), null_mut()) };
}

/// Enables `SeDebugPrivilege` for this process; true if it is enabled afterwards.
pub fn enable_debug_privilege() -> bool {
    enable_privilege(SE_DEBUG_NAME)
}

/// Enables `SeSystemProfilePrivilege`, which stacks of the kernel need; true if it is enabled afterwards.
pub fn enable_profile_privilege() -> bool {
    enable_privilege(SE_SYSTEM_PROFILE_NAME)
}

fn enable_privilege(name: PCWSTR) -> bool {
    let (Some(luid), Some(token)) = (luid(name), Token::open(TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY)) else {
        return false;
    };
    let wanted = TOKEN_PRIVILEGES {
        PrivilegeCount: 1,
        Privileges: [LUID_AND_ATTRIBUTES { Luid: luid, Attributes: SE_PRIVILEGE_ENABLED }],
    };
    // SAFETY: the token is open with the access that this needs, `wanted` holds the one entry that it counts, and no
    // earlier state is asked for. GetLastError takes nothing.
    unsafe {
        AdjustTokenPrivileges(token.0, 0, &raw const wanted, 0, null_mut(), null_mut()) != 0
            // The call succeeds without doing anything where the token lacks the privilege.
            && GetLastError() == ERROR_SUCCESS
    }
}

/// What is called when the console ends.
static CONSOLE_END: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();

/// Windows calls it in a thread of its own.
extern "system" fn console_ends(_event: u32) -> BOOL {
    if let Some(call) = CONSOLE_END.get() {
        call();
    }
    1
}

/// Has `call` called on Ctrl-C, Ctrl-Break, and when the window is closed, the person logs off or the system shuts
/// down. In the last three cases Windows ends the process when `call` returns, or after some seconds: `call` has to wait
/// until everything is done. False if it was set before, or Windows refuses.
pub fn on_console_end(call: Box<dyn Fn() + Send + Sync>) -> bool {
    // SAFETY: the handler is a function of this program with the documented signature; it touches nothing but a
    // static that is set before and never changed, and it stays for the life of the process.
    CONSOLE_END.set(call).is_ok() && unsafe { SetConsoleCtrlHandler(Some(console_ends), 1) } != 0
}

/// How grave an entry of the event log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// All is well.
    Information,
    /// Something is missing.
    Warning,
    /// It ended.
    Error,
}

/// Writes into the event log, Application, under this source. False if Windows refuses: no one is left to be reported.
pub fn report_event(source: &str, kind: EventKind, text: &str) -> bool {
    let wide =
        |text: &str| -> Vec<u16> { text.encode_utf16().filter(|&unit| unit != 0).chain([0]).collect() };
    let (source, text) = (wide(source), wide(text));
    let kind = match kind {
        EventKind::Information => EVENTLOG_INFORMATION_TYPE,
        EventKind::Warning => EVENTLOG_WARNING_TYPE,
        EventKind::Error => EVENTLOG_ERROR_TYPE,
    };
    let strings = [text.as_ptr()];
    // SAFETY: both texts end in a zero and live until the calls return; one string is announced and one is given;
    // no bytes are given. The handle is checked before it is used, and closed once.
    unsafe {
        let log = RegisterEventSourceW(null(), source.as_ptr());
        if log.is_null() {
            return false;
        }
        let done = ReportEventW(log, kind, 0, 1, null_mut(), 1, 0, strings.as_ptr(), null());
        DeregisterEventSource(log);
        done != 0
    }
}
