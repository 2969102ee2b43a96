//! Who may change files of this machine, and folders that only some may use.
#![expect(unsafe_code, reason = "Windows is called through C interfaces; each block says why it is sound")]

use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_SUCCESS};
use windows_sys::Win32::Security::Authorization::{SE_FILE_OBJECT, SetNamedSecurityInfoW};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetFileSecurityW, OWNER_SECURITY_INFORMATION, SECURITY_ATTRIBUTES,
};
use windows_sys::Win32::Storage::FileSystem::CreateDirectoryW;
use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, REG_DWORD, REG_EXPAND_SZ, RegDeleteTreeW, RegSetKeyValueW,
};

use super::calls;
use crate::windows::security::{
    Descriptor, Entry, FULL, MODIFY, REPLACE_BELOW, REPLACE_FILE, REPLACE_IN, Sid, only, with_entry,
};

/// As the calls take a name: UTF-16 that ends in a zero. A name that has one inside is refused.
fn wide(path: &Path) -> io::Result<Vec<u16>> {
    let mut units: Vec<u16> = path.as_os_str().encode_wide().collect();
    if units.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    units.push(0);
    Ok(units)
}

/// Owner and rights of a file or folder, as Windows writes them.
fn descriptor(path: &Path) -> io::Result<Vec<u8>> {
    let name = wide(path)?;
    let wanted = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    // Words, as the structure wants to be aligned.
    let mut words = vec![0_u64; 64];
    loop {
        let size = u32::try_from(words.len() * 8).unwrap_or(u32::MAX);
        let mut needed = 0;
        // SAFETY: the name ends in a zero; pointer and size are those of `words`, which outlives the call, and `needed` is live.
        let done = unsafe {
            GetFileSecurityW(name.as_ptr(), wanted, words.as_mut_ptr().cast(), size, &raw mut needed)
        };
        if done != 0 {
            return Ok(words.iter().flat_map(|word| word.to_le_bytes()).collect());
        }
        let error = io::Error::last_os_error();
        let short = error.raw_os_error() == Some(ERROR_INSUFFICIENT_BUFFER.cast_signed()) && needed > size;
        if !short || needed > 1 << 20 {
            return Err(error);
        }
        words.resize(needed as usize / 8 + 1, 0);
    }
}

/// Who may use what administrators may, and more.
fn trusted() -> Vec<Sid> {
    let mut all = vec![Sid::system(), Sid::administrators(), Sid::trusted_installer()];
    // Where all programs of this user have the rights that this one has, no program is lesser: without User Account Control, and under
    // Wine, which knows no other rights than those of its user.
    if !calls::has_lesser_twin() || calls::is_wine() {
        all.extend(calls::user());
        // Any other owner of a file has no account there.
        all.extend(calls::is_wine().then(Sid::anonymous));
    }
    all
}

/// What a program without administrator's rights could use to have its own bytes run in the place of this file: who, and where.
/// `None` if there is nothing.
///
/// # Errors
///
/// Rights that Windows does not show.
pub fn replaceable(program: &Path) -> io::Result<Option<(Sid, PathBuf)>> {
    let trusted = trusted();
    let parts = program
        .ancestors()
        .zip([REPLACE_FILE, REPLACE_IN].into_iter().chain(std::iter::repeat(REPLACE_BELOW)));
    for (part, mask) in parts.filter(|(part, _)| !part.as_os_str().is_empty()) {
        let found = Descriptor::read(&descriptor(part)?).ok_or(io::ErrorKind::InvalidData)?;
        if let Some(other) = found.others(mask, &trusted).into_iter().next() {
            return Ok(Some((other, part.to_owned())));
        }
    }
    Ok(None)
}

/// Makes a folder, and those above it, for the system, administrators, its creator and, if asked, the service. One that is there is
/// left as it is, but for the service, which may use it from then on, with all that is in it.
///
/// # Errors
///
/// Windows'.
pub fn make_private(folder: &Path, for_service: bool) -> io::Result<()> {
    let service = for_service.then(|| Entry::new(MODIFY, Sid::service()));
    if folder.is_dir() {
        return match service {
            Some(_) => admit_service(folder),
            None => Ok(()),
        };
    }
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        std::fs::create_dir_all(above)?;
    }
    let mut entries = vec![Entry::new(FULL, Sid::system()), Entry::new(FULL, Sid::administrators())];
    entries.extend(calls::user().map(|user| Entry::new(FULL, user)));
    entries.extend(service);
    let descriptor = aligned(&only(&entries));
    let attributes = SECURITY_ATTRIBUTES {
        nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or(0),
        lpSecurityDescriptor: descriptor.as_ptr().cast_mut().cast(),
        bInheritHandle: 0,
    };
    let name = wide(folder)?;
    // SAFETY: the name ends in a zero; the descriptor is a whole one, aligned, and outlives the call, which only reads it.
    if unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The bytes, and zeroes behind them, where 64-bit words may be.
fn aligned(bytes: &[u8]) -> Vec<u64> {
    let word = |part: &[u8]| {
        let mut word = [0; 8];
        word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    };
    bytes.chunks(8).map(word).collect()
}

/// Adds the service to those who may use a folder.
fn admit_service(folder: &Path) -> io::Result<()> {
    let Some(list) = with_entry(&descriptor(folder)?, &Entry::new(MODIFY, Sid::service())) else {
        return Ok(());
    };
    let list = aligned(&list);
    let name = wide(folder)?;
    // SAFETY: the name ends in a zero; the list is a whole one, aligned, and outlives the call, which only reads it; owner, group and
    // the list of what is watched are not asked for.
    let status = unsafe {
        SetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            null_mut(),
            null_mut(),
            list.as_ptr().cast::<ACL>(),
            null(),
        )
    };
    match status {
        ERROR_SUCCESS => Ok(()),
        code => Err(io::Error::from_raw_os_error(code.cast_signed())),
    }
}

/// Where the event log looks up who writes into it.
fn event_source(name: &str) -> Vec<u16> {
    text(&format!(r"SYSTEM\CurrentControlSet\Services\EventLog\Application\{name}"))
}

fn text(text: &str) -> Vec<u16> {
    text.encode_utf16().filter(|&unit| unit != 0).chain([0]).collect()
}

/// Tells the event log where the texts of this source are: in a file of Windows whose messages are nothing but their text. Without it the
/// event viewer shows our words after a complaint. False if Windows refuses.
pub fn register_event_source(source: &str) -> bool {
    let key = event_source(source);
    let file: Vec<u8> =
        text(r"%SystemRoot%\System32\EventCreate.exe").into_iter().flat_map(u16::to_le_bytes).collect();
    let values = [("EventMessageFile", REG_EXPAND_SZ, file), ("TypesSupported", REG_DWORD, vec![7, 0, 0, 0])];
    values.into_iter().all(|(name, kind, bytes)| {
        let (name, length) = (text(name), u32::try_from(bytes.len()).unwrap_or(0));
        // SAFETY: both names end in a zero, and pointer and length are those of `bytes`; all outlive the call, which only reads them.
        let status = unsafe {
            RegSetKeyValueW(
                HKEY_LOCAL_MACHINE,
                key.as_ptr(),
                name.as_ptr(),
                kind,
                bytes.as_ptr().cast(),
                length,
            )
        };
        status == ERROR_SUCCESS
    })
}

/// Takes that back.
pub fn forget_event_source(source: &str) {
    let key = event_source(source);
    // SAFETY: the name ends in a zero and is never empty, so that only this key is meant; it outlives the call.
    let _ = unsafe { RegDeleteTreeW(HKEY_LOCAL_MACHINE, key.as_ptr()) };
}
