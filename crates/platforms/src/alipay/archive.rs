//! A small reader of zip archives: stored and deflated entries, sizes limited before anything is
//! unpacked. Entry names stay bytes, because Alipay's are GBK without a flag, and are never paths.
//!
//! Deliberately absent: encryption, ZIP64, archives in parts, and everything else that a bill of a
//! day never is.

use std::io::Read;

use flate2::{Crc, read::DeflateDecoder};

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
/// The end record with the longest comment.
const END_BYTES_MAX: usize = 22 + 65_535;
/// Bills have two entries.
const ENTRIES_MAX: usize = 16;

/// Why an archive cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) content: Vec<u8>,
}

fn number(bytes: &[u8], at: usize, size: usize) -> Result<usize, Broken> {
    let field = bytes.get(at..at.checked_add(size).ok_or(Broken)?).ok_or(Broken)?;
    let value = field.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    usize::try_from(value).map_err(|_| Broken)
}

fn slice(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Broken> {
    bytes.get(at..at.checked_add(length).ok_or(Broken)?).ok_or(Broken)
}

/// All entries. `bytes_max` limits the sum of what is unpacked.
pub(super) fn read(archive: &[u8], bytes_max: usize) -> Result<Vec<Entry>, Broken> {
    let from = archive.len().saturating_sub(END_BYTES_MAX);
    let tail = archive.get(from..).ok_or(Broken)?;
    let end = tail.windows(END.len()).rposition(|window| window == END).ok_or(Broken)?;
    let end = slice(tail, end, 22)?;
    let count = number(end, 10, 2)?;
    if count > ENTRIES_MAX {
        return Err(Broken);
    }
    let mut at = number(end, 16, 4)?;
    let mut entries = Vec::new();
    let mut room = bytes_max;
    for _ in 0..count {
        let head = slice(archive, at, 46)?;
        if !head.starts_with(ENTRY) {
            return Err(Broken);
        }
        let (flags, method) = (number(head, 8, 2)?, number(head, 10, 2)?);
        let sum = u32::try_from(number(head, 16, 4)?).map_err(|_| Broken)?;
        let (packed, size) = (number(head, 20, 4)?, number(head, 24, 4)?);
        let name = slice(archive, at.checked_add(46).ok_or(Broken)?, number(head, 28, 2)?)?;
        if flags & 1 != 0 || size > room {
            return Err(Broken);
        }
        room -= size;
        let local_at = number(head, 42, 4)?;
        let local = slice(archive, local_at, 30)?;
        if !local.starts_with(LOCAL) {
            return Err(Broken);
        }
        // The local header has its own, sometimes longer, extra field.
        let start = 30 + number(local, 26, 2)? + number(local, 28, 2)?;
        let data = slice(archive, local_at.checked_add(start).ok_or(Broken)?, packed)?;
        let content = unpack(method, data, size)?;
        let mut crc = Crc::new();
        crc.update(&content);
        if crc.sum() != sum {
            return Err(Broken);
        }
        entries.push(Entry { name: name.to_vec(), content });
        let tails = 46 + number(head, 28, 2)? + number(head, 30, 2)? + number(head, 32, 2)?;
        at = at.checked_add(tails).ok_or(Broken)?;
    }
    Ok(entries)
}

/// Exactly `size` bytes, whatever the data would unpack to.
fn unpack(method: usize, data: &[u8], size: usize) -> Result<Vec<u8>, Broken> {
    match method {
        0 if data.len() == size => Ok(data.to_vec()),
        8 => {
            let limit = u64::try_from(size).map_err(|_| Broken)?.checked_add(1).ok_or(Broken)?;
            let mut content = Vec::new();
            let read = DeflateDecoder::new(data).take(limit).read_to_end(&mut content);
            match read {
                Ok(_) if content.len() == size => Ok(content),
                _ => Err(Broken),
            }
        }
        _ => Err(Broken),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};
    use proptest::prelude::*;

    use super::*;

    /// Packs entries; `deflated` or stored.
    pub(crate) fn pack(files: &[(&[u8], &[u8])], deflated: bool) -> Vec<u8> {
        let little = |number: usize, size: usize| {
            let number = u128::try_from(number).expect("a number");
            number.to_le_bytes()[..size].to_vec()
        };
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in files {
            let mut crc = Crc::new();
            crc.update(content);
            let packed = if deflated {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(content).expect("packed");
                encoder.finish().expect("packed")
            } else {
                content.to_vec()
            };
            let method = if deflated { 8 } else { 0 };
            let common = [
                little(20, 2),
                little(0, 2),
                little(method, 2),
                little(0, 4),
                crc.sum().to_le_bytes().to_vec(),
                little(packed.len(), 4),
                little(content.len(), 4),
                little(name.len(), 2),
            ]
            .concat();
            let at = out.len();
            out.extend([LOCAL, &common, &little(3, 2), name, b"xyz", &packed].concat());
            let more = [little(0, 12), little(at, 4)].concat();
            directory.extend([ENTRY, &little(20, 2), &common, &more, name].concat());
        }
        let (at, count) = (out.len(), little(files.len(), 2));
        out.extend_from_slice(&directory);
        out.extend([END, &little(0, 4), &count, &count].concat());
        out.extend([little(directory.len(), 4), little(at, 4), little(0, 2)].concat());
        out
    }

    type Files = Vec<(Vec<u8>, Vec<u8>)>;

    fn unpacked(archive: &[u8]) -> Result<Files, Broken> {
        let entries = read(archive, 1 << 20)?;
        Ok(entries.into_iter().map(|entry| (entry.name, entry.content)).collect())
    }

    #[test]
    fn stored_and_deflated_entries_are_read() {
        let files: [(&[u8], &[u8]); 2] = [(b"\xd2\xb5", b"one one one one"), (b"b", b"")];
        let expected: Vec<(Vec<u8>, Vec<u8>)> =
            files.iter().map(|(name, content)| (name.to_vec(), content.to_vec())).collect();
        for deflated in [true, false] {
            assert_eq!(unpacked(&pack(&files, deflated)), Ok(expected.clone()));
        }
    }

    #[test]
    fn what_unpacks_to_more_than_it_says_is_broken() {
        let bomb = vec![0; 100_000];
        let mut archive = pack(&[(b"a", &bomb)], true);
        assert!(read(&archive, 99_999).is_err(), "the limit counts");
        let entry = archive.windows(4).rposition(|w| w == ENTRY).expect("an entry");
        archive[entry + 24..entry + 28].copy_from_slice(&10_u32.to_le_bytes());
        assert!(read(&archive, 1 << 20).is_err(), "so does the stated size");
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&bytes, 1 << 16).is_err() || bytes.len() >= 22);
        }

        #[test]
        fn a_changed_byte_is_noticed_or_harmless(at in 0_usize..200, change in 1_u8..=255) {
            let mut archive = pack(&[(b"name", b"content content content")], true);
            let at = at % archive.len();
            archive[at] ^= change;
            if let Ok(entries) = unpacked(&archive) {
                let content = b"content content content".to_vec();
                prop_assert!(entries.iter().all(|(_, found)| *found == content));
            }
        }

        #[test]
        fn half_an_archive_is_broken(length in 0_usize..150) {
            let archive = pack(&[(b"name", b"content content content")], true);
            prop_assert!(read(&archive[..length.min(archive.len() - 1)], 1 << 16).is_err());
        }
    }
}
