//! lz4 and snappy as the libraries that Spark uses write them: a sequence of blocks, each with its size before it. Neither is the format that the
//! codecs' own tools write.
//!
//! Sources: `LZ4BlockOutputStream` of lz4-java 1.8, `SnappyOutputStream` of snappy-java 1.1.

use std::io::{BufRead, Read};

/// What every block of lz4-java begins with.
pub(super) const LZ4_MAGIC: &[u8] = b"LZ4Block";
/// What a stream of snappy-java begins with; its version and the oldest version that reads it follow.
pub(super) const SNAPPY_MAGIC: &[u8] = b"\x82SNAPPY\0";
/// The largest block that lz4-java makes; Spark's are 32 KiB.
const BLOCK_BYTES_AT_MOST: usize = 32 << 20;
/// Versions of a stream of snappy-java.
const SNAPPY_VERSIONS_BYTES: usize = 8;

/// What reads the next block: nothing where there is none, or where it is cut off or damaged.
type Next<R> = fn(&mut R, &mut Vec<u8>) -> Option<Vec<u8>>;

/// The text of blocks.
pub(super) struct Blocks<R> {
    source: R,
    next: Next<R>,
    /// The text of the block that is read, and how much of it was given.
    text: Vec<u8>,
    given: usize,
    packed: Vec<u8>,
}

impl<R: BufRead> Blocks<R> {
    pub(super) fn lz4(source: R) -> Self {
        Self { source, next: lz4_block, text: Vec::new(), given: 0, packed: Vec::new() }
    }

    pub(super) fn snappy(source: R) -> Self {
        Self { source, next: snappy_block, text: Vec::new(), given: 0, packed: Vec::new() }
    }
}

impl<R: BufRead> Read for Blocks<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.given == self.text.len() {
            let Some(text) = (self.next)(&mut self.source, &mut self.packed) else { return Ok(0) };
            (self.text, self.given) = (text, 0);
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(into), Some(from)) = (into.get_mut(..count), rest.get(..count)) {
            into.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

fn bytes<const N: usize>(source: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// Reads so many bytes, if a block may have as many.
fn fill(source: &mut impl Read, into: &mut Vec<u8>, count: usize) -> Option<()> {
    if count > BLOCK_BYTES_AT_MOST {
        return None;
    }
    into.resize(count, 0);
    source.read_exact(into).ok()
}

/// Magic, method and level, packed and unfolded size, checksum (not looked at: what is damaged is no JSON), block. An empty one ends a stream, and
/// Spark begins another when it flushes.
fn lz4_block<R: BufRead>(source: &mut R, packed: &mut Vec<u8>) -> Option<Vec<u8>> {
    /// Kept as it is.
    const RAW: u8 = 0x10;
    const LZ4: u8 = 0x20;
    loop {
        let magic: [u8; 8] = bytes(source)?;
        let [method]: [u8; 1] = bytes(source)?;
        let packed_bytes = u32::from_le_bytes(bytes(source)?) as usize;
        let text_bytes = u32::from_le_bytes(bytes(source)?) as usize;
        let _checksum: [u8; 4] = bytes(source)?;
        if magic != LZ4_MAGIC || text_bytes > BLOCK_BYTES_AT_MOST {
            return None;
        }
        fill(source, packed, packed_bytes)?;
        if text_bytes == 0 {
            continue;
        }
        return match method & 0xf0 {
            RAW => Some(packed.clone()),
            LZ4 => lz4_flex::block::decompress(packed, text_bytes).ok(),
            _ => None,
        };
    }
}

/// The size of a packed block, high byte first, and the block. A stream that was appended begins with its header again.
fn snappy_block<R: BufRead>(source: &mut R, packed: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        let size: [u8; 4] = bytes(source)?;
        if SNAPPY_MAGIC.starts_with(&size) {
            let _rest: [u8; 4] = bytes(source)?;
            let _versions: [u8; SNAPPY_VERSIONS_BYTES] = bytes(source)?;
            continue;
        }
        fill(source, packed, u32::from_be_bytes(size) as usize)?;
        if snap::raw::decompress_len(packed).ok()? > BLOCK_BYTES_AT_MOST {
            return None;
        }
        return snap::raw::Decoder::new().decompress_vec(packed).ok();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lz4(text: &[u8]) -> Vec<u8> {
        let packed = lz4_flex::block::compress(text);
        let header = |method: u8, packed: usize, text: usize| {
            [
                LZ4_MAGIC,
                &[method],
                &u32::try_from(packed).unwrap().to_le_bytes(),
                &u32::try_from(text).unwrap().to_le_bytes(),
                &[0; 4],
            ]
            .concat()
        };
        [header(0x26, packed.len(), text.len()), packed, header(0x16, 3, 3), b"abc".to_vec(), header(0x16, 0, 0)]
            .concat()
    }

    fn snappy(text: &[u8]) -> Vec<u8> {
        let packed = snap::raw::Encoder::new().compress_vec(text).unwrap();
        let size = u32::try_from(packed.len()).unwrap().to_be_bytes();
        [SNAPPY_MAGIC, &[0, 0, 0, 1, 0, 0, 0, 1], &size, &packed].concat()
    }

    fn text(mut blocks: Blocks<&[u8]>) -> String {
        let mut text = String::new();
        blocks.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn blocks_follow_each_other_and_end_where_one_is_cut_off() {
        let long = "line of a log, ".repeat(5_000);
        let twice = [lz4(long.as_bytes()), lz4(b"more")].concat();
        assert_eq!(text(Blocks::lz4(&twice)), format!("{long}abcmoreabc"));
        let cut = &twice[..twice.len() - 30];
        assert_eq!(text(Blocks::lz4(cut)), format!("{long}abcmore"));
        let twice = [snappy(long.as_bytes()), snappy(b"more")].concat();
        assert_eq!(text(Blocks::snappy(&twice)), format!("{long}more"));
        assert_eq!(text(Blocks::snappy(&twice[..twice.len() - 1])), long);
    }

    #[test]
    fn a_size_that_no_block_has_ends_the_text() {
        let header = [LZ4_MAGIC, &[0x26], &[4, 0, 0, 0], &[255; 4], &[0; 4], &[0; 4]].concat();
        assert_eq!(text(Blocks::lz4(&header)), "");
        let header = [SNAPPY_MAGIC, &[0; 8], &[255, 255, 255, 255]].concat();
        assert_eq!(text(Blocks::snappy(&header)), "");
    }
}
