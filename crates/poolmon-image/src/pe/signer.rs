//! Who signed a file, by name: a bounded walk over the Authenticode block. Nothing is verified here.

use super::version::clean;
use super::{Pe, directory};
use crate::bytes::{u16_at, u32_at};

/// One element: identifier byte and content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let length = rest.get(..count)?.iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
        (length, rest.get(count..)?)
    };
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

/// Elements side by side, a few hundred at most.
fn elements(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (tag, content, next) = element(rest)?;
        rest = next;
        Some((tag, content))
    })
    .take(256)
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
/// Object identifier of a common name.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// Common name of the signer's certificate; `None` if the file has no signature.
pub fn read(pe: &Pe<'_>) -> Option<String> {
    // The one directory that holds a file offset.
    let (at, size) = pe.directory(directory::SECURITY)?;
    let end = (at as usize).checked_add(size as usize)?.min(pe.bytes.len());
    let block = pe.bytes.get(at as usize..end)?;
    // Length, revision, kind; 2 is PKCS#7.
    let length = u32_at(block, 0)? as usize;
    if u16_at(block, 6)? != 2 {
        return None;
    }
    signer(block.get(8..length.min(block.len()))?)
}

fn signer(pkcs7: &[u8]) -> Option<String> {
    let (_, info, _) = element(pkcs7)?;
    let (_, wrapped) = elements(info).find(|&(tag, _)| tag == 0xa0)?;
    let (_, signed, _) = element(wrapped)?;
    let (_, certificates) = elements(signed).find(|&(tag, _)| tag == 0xa0)?;
    // The last set holds the signers; the first one the digests.
    let (_, signers) = elements(signed).filter(|&(tag, _)| tag == SET).last()?;
    let (_, first, _) = element(signers)?;
    let (_, issuer_and_serial) = elements(first).find(|&(tag, _)| tag == SEQUENCE)?;
    let (_, serial) = elements(issuer_and_serial).find(|&(tag, _)| tag == INTEGER)?;
    elements(certificates).find_map(|(_, certificate)| {
        let (_, body, _) = element(certificate)?;
        let (_, own) = elements(body).find(|&(tag, _)| tag == INTEGER)?;
        if own != serial {
            return None;
        }
        // Sequences in order: algorithm, issuer, validity, subject.
        let (_, subject) = elements(body).filter(|&(tag, _)| tag == SEQUENCE).nth(3)?;
        common_name(subject)
    })
}

fn common_name(subject: &[u8]) -> Option<String> {
    elements(subject).find_map(|(_, set)| {
        let (_, pair, _) = element(set)?;
        let (_, identifier, rest) = element(pair)?;
        if identifier != COMMON_NAME {
            return None;
        }
        let (tag, text, _) = element(rest)?;
        let text = if tag == 0x1e {
            let units: Vec<u16> = text
                .chunks_exact(2)
                .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
                .collect();
            String::from_utf16_lossy(&units)
        } else {
            String::from_utf8_lossy(text).into_owned()
        };
        Some(clean(&text))
    })
}
