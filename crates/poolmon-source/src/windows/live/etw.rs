//! The calls of Windows' event tracing, each behind a safe function.
#![expect(unsafe_code, reason = "Windows is called through C interfaces; each block says why it is sound")]

use std::mem::offset_of;
use std::os::windows::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::System::Diagnostics::Etw::{
    CONTROLTRACE_HANDLE, ControlTraceW, ENABLE_TRACE_PARAMETERS, ENABLE_TRACE_PARAMETERS_VERSION_2,
    EVENT_CONTROL_CODE_ENABLE_PROVIDER, EVENT_FILTER_DESCRIPTOR, EVENT_FILTER_TYPE_SCHEMATIZED,
    EVENT_TRACE_CONTROL_STOP, EVENT_TRACE_FILE_MODE_SEQUENTIAL, EVENT_TRACE_PROPERTIES,
    EVENT_TRACE_SYSTEM_LOGGER_MODE, EnableTraceEx2, QueryAllTracesW, StartTraceW, TRACE_LEVEL_VERBOSE,
    TraceSetInformation, WNODE_FLAG_TRACED_GUID,
};
use windows_sys::core::GUID;

use super::calls;
use crate::windows::trace::{Guid, Lost, Tracer};

/// UTF-16 units of a name, its zero included: what sessions and paths may have.
const LONGEST: usize = 1_024;
/// Sessions that are asked for: Windows has at most 64, newer ones more.
const MOST: usize = 256;
/// KiB of a buffer, and how many there are at least.
const BUFFER: u32 = 1_024;
const BUFFERS: u32 = 64;
/// MiB after which a session writes no more.
const LARGEST_FILE: u32 = 4_096;
/// The same clock as `QueryPerformanceCounter`.
const PERFORMANCE_COUNTER: u32 = 1;
/// The session's own GUID.
const OURS: GUID = GUID::from_u128(0x6f1c_2a54_8e0b_4d37_9c52_71d8_03ab_46e9);
/// `ERROR_BAD_PATHNAME`.
const BAD_PATHNAME: u32 = 161;

/// The properties of a session, and the two texts that Windows expects behind them.
#[repr(C)]
struct Properties {
    head: EVENT_TRACE_PROPERTIES,
    name: [u16; LONGEST],
    file: [u16; LONGEST],
}

fn size_of_u32<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}

impl Properties {
    fn new() -> Box<Self> {
        let mut head = EVENT_TRACE_PROPERTIES::default();
        head.Wnode.BufferSize = size_of_u32::<Self>();
        head.LoggerNameOffset = u32::try_from(offset_of!(Self, name)).unwrap_or(0);
        head.LogFileNameOffset = u32::try_from(offset_of!(Self, file)).unwrap_or(0);
        Box::new(Self { head, name: [0; LONGEST], file: [0; LONGEST] })
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().filter(|unit| *unit != 0).chain([0]).collect()
}

const fn guid((data1, data2, data3, data4): Guid) -> GUID {
    GUID { data1, data2, data3, data4 }
}

/// The tracing of this machine.
#[derive(Default)]
pub struct Etw {
    session: CONTROLTRACE_HANDLE,
}

impl Tracer for Etw {
    fn build(&self) -> u32 {
        calls::version().build
    }

    fn allow_stacks(&mut self) -> bool {
        calls::enable_profile_privilege()
    }

    fn start(&mut self, name: &str, file: &Path) -> u32 {
        let mut properties = Properties::new();
        let path: Vec<u16> = file.as_os_str().encode_wide().collect();
        let Some(room) = properties.file.get_mut(..path.len()).filter(|room| room.len() < LONGEST) else {
            return BAD_PATHNAME;
        };
        room.copy_from_slice(&path);
        let head = &mut properties.head;
        head.Wnode.Guid = OURS;
        head.Wnode.ClientContext = PERFORMANCE_COUNTER;
        head.Wnode.Flags = WNODE_FLAG_TRACED_GUID;
        head.BufferSize = BUFFER;
        head.MinimumBuffers = BUFFERS;
        head.MaximumBuffers = 4 * BUFFERS;
        head.MaximumFileSize = LARGEST_FILE;
        head.LogFileMode = EVENT_TRACE_FILE_MODE_SEQUENTIAL | EVENT_TRACE_SYSTEM_LOGGER_MODE;
        let name = wide(name);
        // SAFETY: the handle is live and exclusively borrowed, the name ends in a zero, and `properties` is a live
        // structure that says its own size and where in it its two texts are, the path with its zero. Windows keeps none
        // of the pointers after the call.
        unsafe { StartTraceW(&raw mut self.session, name.as_ptr(), (&raw mut *properties).cast()) }
    }

    fn enable(&mut self, provider: Guid, keywords: u64, filter: Option<&[u8]>) -> u32 {
        let provider = guid(provider);
        let mut descriptor = EVENT_FILTER_DESCRIPTOR::default();
        if let Some(bytes) = filter {
            descriptor.Ptr = bytes.as_ptr() as u64;
            descriptor.Size = u32::try_from(bytes.len()).unwrap_or(0);
            descriptor.Type = EVENT_FILTER_TYPE_SCHEMATIZED;
        }
        let has_filter = filter.is_some();
        let parameters = ENABLE_TRACE_PARAMETERS {
            Version: ENABLE_TRACE_PARAMETERS_VERSION_2,
            EnableProperty: 0,
            ControlFlags: 0,
            SourceId: OURS,
            EnableFilterDesc: if has_filter { &raw mut descriptor } else { null_mut() },
            FilterDescCount: u32::from(has_filter),
        };
        // SAFETY: the handle is that of the session that was started; the GUID, the parameters, the descriptor that they name
        // and the filter's bytes live until the call returns, and Windows copies what it needs.
        unsafe {
            EnableTraceEx2(
                self.session,
                &raw const provider,
                EVENT_CONTROL_CODE_ENABLE_PROVIDER,
                u8::try_from(TRACE_LEVEL_VERBOSE).unwrap_or(5),
                keywords,
                0,
                0,
                &raw const parameters,
            )
        }
    }

    fn set(&mut self, class: u32, bytes: &[u8]) -> u32 {
        // The structures of these classes have fields of four bytes.
        let words: Vec<u32> = bytes
            .chunks_exact(4)
            .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect();
        let (class, length) = (class.cast_signed(), u32::try_from(words.len() * 4).unwrap_or(0));
        // SAFETY: the handle is that of the session that was started; pointer and length are those of `words`, which is aligned for
        // these structures and lives until the call returns. Windows only reads it.
        unsafe { TraceSetInformation(self.session, class, words.as_ptr().cast(), length) }
    }

    fn stop(&mut self, name: &str) -> (u32, Lost) {
        let mut properties = Properties::new();
        let name = wide(name);
        // SAFETY: no handle is given, so that the session is found by its name, which ends in a zero; `properties` is a live structure
        // that says its own size and where in it two texts have room. Windows fills it and keeps nothing.
        let status = unsafe {
            ControlTraceW(
                CONTROLTRACE_HANDLE::default(),
                name.as_ptr(),
                (&raw mut *properties).cast(),
                EVENT_TRACE_CONTROL_STOP,
            )
        };
        let head = &properties.head;
        (status, Lost { events: head.EventsLost, buffers: head.LogBuffersLost })
    }
}

/// Sessions of the system's events that run now; `None` if Windows does not say.
pub fn system_sessions() -> Option<usize> {
    let mut all: Vec<Box<Properties>> = (0..MOST).map(|_| Properties::new()).collect();
    let mut pointers: Vec<*mut EVENT_TRACE_PROPERTIES> =
        all.iter_mut().map(|properties| (&raw mut **properties).cast()).collect();
    let mut count = 0;
    // SAFETY: each pointer is that of a live structure that says its own size and where in it its texts have room; their number is
    // the one that is given. Windows fills them and keeps nothing.
    let status = unsafe {
        QueryAllTracesW(pointers.as_mut_ptr(), u32::try_from(pointers.len()).unwrap_or(0), &raw mut count)
    };
    drop(pointers);
    let count = usize::try_from(count).ok().filter(|count| status == 0 && *count > 0)?;
    let is_system =
        |properties: &&Box<Properties>| properties.head.LogFileMode & EVENT_TRACE_SYSTEM_LOGGER_MODE != 0;
    Some(all.iter().take(count).filter(is_system).count())
}
