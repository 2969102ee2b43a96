//! Who may change a file: security descriptors, as bytes. Safe code that runs on every system.
//!
//! Layout: `SECURITY_DESCRIPTOR`, self-relative, `ACL` and `ACE` of MS-DTYP 2.4.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fmt;

/// Identifies an account or a group: authority and parts, without the revision, which is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sid {
    authority: u8,
    parts: Vec<u32>,
}

impl Sid {
    fn new(authority: u8, parts: &[u32]) -> Self {
        Self { authority, parts: parts.to_vec() }
    }

    /// The system itself.
    pub fn system() -> Self {
        Self::new(5, &[18])
    }

    /// The group of administrators.
    pub fn administrators() -> Self {
        Self::new(5, &[32, 544])
    }

    /// No account.
    pub fn anonymous() -> Self {
        Self::new(5, &[7])
    }

    /// What installs Windows' own files.
    pub fn trusted_installer() -> Self {
        Self::new(5, &[80, 956_008_885, 3_418_522_649, 1_831_038_044, 1_853_292_631, 2_271_478_464])
    }

    /// The virtual account `NT SERVICE\poolmon`: Windows derives it from the service's name, SHA-1 of `POOLMON` in UTF-16.
    pub fn service() -> Self {
        Self::new(5, &[80, 2_223_114_654, 478_074_329, 734_714_817, 3_549_642_056, 1_781_618_029])
    }

    /// From the front of these bytes; `None` if they are cut or of an unknown revision.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [1, count, 0, 0, 0, 0, 0, authority, rest @ ..] = bytes else { return None };
        let parts = rest.get(..usize::from(*count) * 4)?.as_chunks::<4>().0;
        Some(Self {
            authority: *authority,
            parts: parts.iter().map(|part| u32::from_le_bytes(*part)).collect(),
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let count = u8::try_from(self.parts.len()).unwrap_or(0);
        let mut bytes = vec![1, count, 0, 0, 0, 0, 0, self.authority];
        bytes.extend(self.parts.iter().flat_map(|part| part.to_le_bytes()));
        bytes
    }
}

impl fmt::Display for Sid {
    /// As Windows writes it; groups that everyone is in have their English names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match (self.authority, &*self.parts) {
            (1, [0]) => "Everyone",
            (5, [4]) => "interactive users",
            (5, [7]) => "Anonymous",
            (5, [11]) => "Authenticated Users",
            (5, [32, 545]) => "Users",
            (5, [32, 547]) => "Power Users",
            _ => "",
        };
        if !known.is_empty() {
            return f.write_str(known);
        }
        write!(f, "S-1-{}", self.authority)?;
        self.parts.iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

/// The entry is for what is made in the folder, files and folders.
const INHERITED: u8 = 0x03;
/// The entry is not for the folder itself.
const INHERIT_ONLY: u8 = 0x08;

/// Everything.
pub const FULL: u32 = 0x001f_01ff;
/// Read, write, run and delete, but neither change who may, nor own it.
pub const MODIFY: u32 = 0x0013_01bf;
/// Change who may, take it, delete it, or move it elsewhere: what replaces a folder with all that is in it.
pub const REPLACE: u32 = 0x000d_0000 | GENERIC_ALL;
/// For the folder of a file: also to make files, and to delete those of others.
pub const REPLACE_IN: u32 = REPLACE | 0x42 | GENERIC_WRITE;
/// For a file: also to write into it.
pub const REPLACE_FILE: u32 = REPLACE | 0x06 | GENERIC_WRITE;
/// For what is above a folder: also to delete what is in it.
pub const REPLACE_BELOW: u32 = REPLACE | 0x40;
const GENERIC_ALL: u32 = 0x1000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    flags: u8,
    mask: u32,
    sid: Sid,
}

impl Entry {
    /// These rights to a folder and all that will be in it.
    pub fn new(mask: u32, sid: Sid) -> Self {
        Self { flags: INHERITED, mask, sid }
    }
}

/// Owner of a file, and who may do what with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    owner: Option<Sid>,
    /// Rights that are granted; `None`: everyone has all of them.
    granted: Option<Vec<Entry>>,
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?)))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl Descriptor {
    /// From the bytes of a self-relative descriptor; `None` if they are none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        const HAS_DACL: usize = 0x0004;
        if bytes.first() != Some(&1) {
            return None;
        }
        let control = word(bytes, 2)?;
        let at =
            |field: usize| Some(usize::try_from(long(bytes, field)?).ok()?).filter(|&offset| offset != 0);
        let owner = match at(4) {
            Some(offset) => Some(Sid::read(bytes.get(offset..)?)?),
            None => None,
        };
        let granted = match at(16).filter(|_| control & HAS_DACL != 0) {
            Some(offset) => Some(entries(bytes.get(offset..)?)?),
            None => None,
        };
        Some(Self { owner, granted })
    }

    /// Who, apart from these, has one of these rights. An owner gives himself any.
    ///
    /// What is denied is not subtracted: it may name more than Windows would let.
    pub fn others(&self, mask: u32, trusted: &[Sid]) -> Vec<Sid> {
        let everyone = Sid::new(1, &[0]);
        let Some(granted) = &self.granted else { return vec![everyone] };
        let granted =
            granted.iter().filter(|entry| entry.flags & INHERIT_ONLY == 0 && entry.mask & mask != 0);
        let all = self.owner.iter().chain(granted.map(|entry| &entry.sid));
        let mut found: Vec<Sid> = Vec::new();
        for sid in all.filter(|sid| !trusted.contains(sid)) {
            if !found.contains(sid) {
                found.push(sid.clone());
            }
        }
        found
    }
}

/// Entries of an access control list that grant something.
fn entries(acl: &[u8]) -> Option<Vec<Entry>> {
    let count = word(acl, 4)?;
    let mut rest = acl.get(8..word(acl, 2)?)?;
    let mut granted = Vec::new();
    for _ in 0..count {
        let size = word(rest, 2).filter(|&size| size >= 8)?;
        let entry = rest.get(..size)?;
        let (kind, flags) = (*entry.first()?, *entry.get(1)?);
        let sid = match kind {
            // Plain, and with a condition behind it.
            0 | 9 => Some(entry.get(8..)?),
            // With identifiers of what they are for before it, which files do not have.
            5 | 11 => {
                let guids = long(entry, 8)?;
                entry.get(12 + 16 * usize::try_from(guids & 1).ok()? + 8 * usize::try_from(guids & 2).ok()?..)
            }
            // Denied, watched, labels.
            _ => None,
        };
        if let Some(sid) = sid {
            granted.push(Entry { flags, mask: long(entry, 4)?, sid: Sid::read(sid)? });
        }
        rest = rest.get(size..)?;
    }
    Some(granted)
}

/// An entry that grants.
fn one(entry: &Entry) -> Vec<u8> {
    let sid = entry.sid.bytes();
    let size = u16::try_from(8 + sid.len()).unwrap_or(0);
    let head = [0, entry.flags].into_iter().chain(size.to_le_bytes());
    head.chain(entry.mask.to_le_bytes()).chain(sid).collect()
}

/// A descriptor that grants this and nothing that the folder above grants.
pub fn only(entries: &[Entry]) -> Vec<u8> {
    // Self-relative, with an access control list that inherits nothing.
    const CONTROL: u16 = 0x8000 | 0x1000 | 0x0004;
    const HEAD: u32 = 20;
    let list: Vec<u8> = entries.iter().flat_map(one).collect();
    let size = |length: usize| u16::try_from(length).unwrap_or(0).to_le_bytes();
    let mut bytes = vec![1, 0];
    bytes.extend(CONTROL.to_le_bytes());
    bytes.extend([0; 12]);
    bytes.extend(HEAD.to_le_bytes());
    bytes.extend([2, 0]);
    bytes.extend(size(8 + list.len()));
    bytes.extend(size(entries.len()));
    bytes.extend([0; 2]);
    bytes.extend(list);
    bytes
}

/// The access control list of a descriptor, with one entry more; `None` if it is there already, if everyone has all rights anyway, or if
/// these bytes are no descriptor.
pub fn with_entry(descriptor: &[u8], entry: &Entry) -> Option<Vec<u8>> {
    const INHERITED_FROM_ABOVE: u8 = 0x10;
    if Descriptor::read(descriptor)?.granted?.contains(entry) {
        return None;
    }
    let list = descriptor.get(usize::try_from(long(descriptor, 16)?).ok()?..)?;
    let (size, count) = (word(list, 2)?, word(list, 4)?);
    let mut at = 8;
    // Before those that come from the folder above, where Windows wants it.
    for _ in 0..count {
        if list.get(at + 1)? & INHERITED_FROM_ABOVE != 0 {
            break;
        }
        at += word(list, at + 2)?;
    }
    let new = one(entry);
    let mut bytes = list.get(..size)?.to_vec();
    bytes.splice(at..at, new.iter().copied());
    let field = |value: usize| Some(u16::try_from(value).ok()?.to_le_bytes());
    bytes.get_mut(2..4)?.copy_from_slice(&field(size + new.len())?);
    bytes.get_mut(4..6)?.copy_from_slice(&field(count + 1)?);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Owner, and entries of kind, flags, mask and account: as Windows lays them out, owner behind the list.
    fn descriptor(owner: &Sid, list: &[(u8, u8, u32, Sid)]) -> Vec<u8> {
        let granted: Vec<_> = list
            .iter()
            .map(|(_, flags, mask, sid)| Entry { flags: *flags, mask: *mask, sid: sid.clone() })
            .collect();
        let mut bytes = only(&granted);
        let mut at = 28;
        for (kind, ..) in list {
            bytes[at] = *kind;
            at += usize::from(u16::from_le_bytes([bytes[at + 2], bytes[at + 3]]));
        }
        let offset = u32::try_from(bytes.len()).unwrap();
        bytes[4..8].copy_from_slice(&offset.to_le_bytes());
        bytes.extend(owner.bytes());
        bytes
    }

    fn users() -> Sid {
        Sid::new(5, &[32, 545])
    }

    fn trusted() -> Vec<Sid> {
        vec![Sid::system(), Sid::administrators(), Sid::trusted_installer()]
    }

    fn others(owner: &Sid, list: &[(u8, u8, u32, Sid)], mask: u32) -> Vec<String> {
        let read = Descriptor::read(&descriptor(owner, list)).unwrap();
        read.others(mask, &trusted()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn program_files_is_safe() {
        // D:PAI(A;;FA;;;TI)(A;CIIO;GA;;;TI)(A;;0x1301bf;;;SY)(A;OICIIO;GA;;;SY)(A;;0x1301bf;;;BA)(A;OICIIO;GA;;;BA)
        // (A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;OICIIO;GA;;;CO)(A;;0x1200a9;;;AC)
        let list = [
            (0, 0, FULL, Sid::trusted_installer()),
            (0, 0x0a, GENERIC_ALL, Sid::trusted_installer()),
            (0, 0, MODIFY, Sid::system()),
            (0, 0x0b, GENERIC_ALL, Sid::system()),
            (0, 0, MODIFY, Sid::administrators()),
            (0, 0x0b, GENERIC_ALL, Sid::administrators()),
            (0, 0, 0x0012_00a9, users()),
            (0, 0x0b, 0xa000_0000, users()),
            (0, 0x0b, GENERIC_ALL, Sid::new(3, &[0])),
            (0, 0, 0x0012_00a9, Sid::new(15, &[2, 1])),
        ];
        for mask in [REPLACE_IN, REPLACE_FILE, REPLACE_BELOW] {
            assert_eq!(others(&Sid::trusted_installer(), &list, mask), [""; 0]);
        }
    }

    #[test]
    fn a_data_drive_and_a_profile_are_not() {
        // D:\ grants Authenticated Users to modify; below, it is inherited.
        let modify = [(0, 0x03, MODIFY, Sid::new(5, &[11])), (0, 0x03, FULL, Sid::administrators())];
        for mask in [REPLACE_IN, REPLACE_FILE, REPLACE_BELOW] {
            assert_eq!(others(&Sid::administrators(), &modify, mask), ["Authenticated Users"]);
        }
        // Downloads: the person's own. Twice, as owner and in the list.
        let mary = Sid::new(5, &[21, 1, 2, 3, 1001]);
        let own = [(0, 0x03, FULL, Sid::system()), (0, 0x03, FULL, mary.clone())];
        assert_eq!(others(&mary, &own, REPLACE_FILE), ["S-1-5-21-1-2-3-1001"]);
        // Who owns it needs no entry.
        assert_eq!(others(&mary, &own[..1], REPLACE_FILE), ["S-1-5-21-1-2-3-1001"]);
    }

    #[test]
    fn a_root_in_which_users_make_folders_replaces_none_of_them() {
        // C:\ of a fresh Windows: (A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU): AU may make folders, and modify what is made there.
        let au = Sid::new(5, &[11]);
        let list = [(0, 0x0b, 0xe001_0000, au.clone()), (0, 0, 0x4, au.clone()), (0, 0, FULL, Sid::system())];
        assert_eq!(others(&Sid::trusted_installer(), &list, REPLACE_BELOW), [""; 0]);
        // A program right in it could not be replaced either: to make folders is not to make files.
        assert_eq!(others(&Sid::trusted_installer(), &list, REPLACE_IN), [""; 0]);
        let files = [(0, 0, 0x2, au)];
        assert_eq!(others(&Sid::system(), &files, REPLACE_IN), ["Authenticated Users"]);
    }

    #[test]
    fn no_list_is_all_rights_and_a_denial_is_none() {
        let nothing = [1, 0, 0, 0x80].into_iter().chain([0; 16]).collect::<Vec<u8>>();
        let read = Descriptor::read(&nothing).unwrap();
        assert_eq!(read.others(REPLACE_FILE, &trusted())[0].to_string(), "Everyone");
        let everyone = Sid::new(1, &[0]);
        assert_eq!(others(&Sid::system(), &[(1, 0, FULL, everyone.clone())], REPLACE_FILE), [""; 0]);
        assert_eq!(others(&Sid::system(), &[(9, 0, FULL, everyone)], REPLACE_FILE), ["Everyone"]);
    }

    #[test]
    fn what_is_written_is_read() {
        let user = Sid::new(5, &[21, 7, 8, 9, 500]);
        let entries = [Entry::new(FULL, Sid::system()), Entry::new(MODIFY, user)];
        let bytes = only(&entries);
        assert_eq!(
            Descriptor::read(&bytes),
            Some(Descriptor { owner: None, granted: Some(entries.to_vec()) })
        );
    }

    #[test]
    fn one_more_is_admitted_and_all_others_stay() {
        let au = Sid::new(5, &[11]);
        // A denial, an own entry, and two from the folder above.
        let list = [
            (1, 0x03, 0x2, users()),
            (0, 0x03, FULL, Sid::administrators()),
            (0, 0x13, MODIFY, au.clone()),
            (1, 0x13, 0x40, au),
        ];
        let before = descriptor(&Sid::system(), &list);
        let service = Entry::new(MODIFY, Sid::service());
        let after = with_entry(&before, &service).unwrap();
        let old = &before[20..20 + word(&before, 22).unwrap()];
        // The first two entries, ours, the other two.
        let (first, new) = (8 + 24 + 24, one(&service));
        assert_eq!((&after[8..first], &after[first..first + new.len()]), (&old[8..first], &*new));
        assert_eq!(&after[first + new.len()..], &old[first..]);
        let whole = [&before[..4], &[0; 12], &20_u32.to_le_bytes(), &after].concat();
        let read = Descriptor::read(&whole).unwrap();
        assert_eq!(read.granted.unwrap().len(), 3);
        assert_eq!(with_entry(&whole, &service), None, "it is there");
    }

    /// SHA-1, FIPS 180-4, of less than 56 bytes.
    #[expect(clippy::many_single_char_names, reason = "the standard's names")]
    fn sha1(text: &[u8]) -> [u32; 5] {
        let mut block = [0_u8; 64];
        block[..text.len()].copy_from_slice(text);
        block[text.len()] = 0x80;
        block[56..].copy_from_slice(&(text.len() as u64 * 8).to_be_bytes());
        let mut w: Vec<u32> = block.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
        for n in 16..80 {
            w.push((w[n - 3] ^ w[n - 8] ^ w[n - 14] ^ w[n - 16]).rotate_left(1));
        }
        let begin = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
        let [mut a, mut b, mut c, mut d, mut e] = begin;
        for (n, w) in w.into_iter().enumerate() {
            let (f, k) = match n / 20 {
                0 => (b & c | !b & d, 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(w);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        [a, b, c, d, e]
            .iter()
            .zip(begin)
            .map(|(x, y)| x.wrapping_add(y))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }

    #[test]
    fn accounts_of_services_are_derived_from_their_names() {
        for (name, sid) in [("TRUSTEDINSTALLER", Sid::trusted_installer()), ("POOLMON", Sid::service())] {
            let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let parts: Vec<u32> = sha1(&wide).iter().map(|word| word.swap_bytes()).collect();
            assert_eq!((sid.authority, &sid.parts[..1], &sid.parts[1..]), (5, &[80][..], &*parts), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), whole: bool) {
            if whole && bytes.len() > 30 {
                bytes[..4].copy_from_slice(&[1, 0, 4, 0x80]);
                bytes[4..8].copy_from_slice(&[0; 4]);
                bytes[16..20].copy_from_slice(&20_u32.to_le_bytes());
            }
            if let Some(read) = Descriptor::read(&bytes) {
                read.others(u32::MAX, &[]);
            }
            with_entry(&bytes, &Entry::new(FULL, Sid::system()));
        }
    }
}
