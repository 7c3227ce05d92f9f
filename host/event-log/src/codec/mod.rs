//! How a log is compressed: told by its first bytes, for names are changed when logs are copied.

mod blocks;
mod zstd;

use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::{EventLogError, Result, io};

/// How many of the first bytes tell the codec.
pub(crate) const LONGEST_MAGIC: usize = 16;
/// How much is unfolded at a time.
const UNFOLDED_BYTES: usize = 1 << 17;

/// A way of compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    None,
    Gzip,
    Zstd,
    Lz4,
    Snappy,
    Lzf,
    Zip,
}

/// The codec that these first bytes tell.
pub(crate) fn of(first: &[u8]) -> Codec {
    let known: [(&[u8], Codec); 7] = [
        (&[0x28, 0xb5, 0x2f, 0xfd], Codec::Zstd),
        (&[0x1f, 0x8b], Codec::Gzip),
        (blocks::LZ4_MAGIC, Codec::Lz4),
        (blocks::SNAPPY_MAGIC, Codec::Snappy),
        (b"ZV", Codec::Lzf),
        (b"PK\x03\x04", Codec::Zip),
        // Without any entry.
        (b"PK\x05\x06", Codec::Zip),
    ];
    known.into_iter().find(|(magic, _)| first.starts_with(magic)).map_or(Codec::None, |(_, codec)| codec)
}

/// The text of a file. It ends where a compressed file is cut off.
pub(crate) fn opened<'a>(mut source: impl BufRead + 'a, path: &Path) -> Result<Box<dyn BufRead + 'a>> {
    fn buffered<'a>(text: impl std::io::Read + 'a) -> Box<dyn BufRead + 'a> {
        Box::new(BufReader::with_capacity(UNFOLDED_BYTES, text))
    }
    let refused = |codec| Err(EventLogError::Codec { path: path.to_owned(), codec });
    match of(source.fill_buf().map_err(io(path))?) {
        Codec::None => Ok(Box::new(source)),
        Codec::Gzip => Ok(buffered(UntilCut { text: MultiGzDecoder::new(source) })),
        Codec::Zstd => Ok(buffered(zstd::Frames::of(source))),
        Codec::Lz4 => Ok(buffered(blocks::Blocks::lz4(source))),
        Codec::Snappy => Ok(buffered(blocks::Blocks::snappy(source))),
        Codec::Lzf => refused("lzf"),
        Codec::Zip => refused("zip twice"),
    }
}

/// A text that ends where what it is unfolded from is cut off or damaged.
struct UntilCut<R> {
    text: R,
}

impl<R: std::io::Read> std::io::Read for UntilCut<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match self.text.read(into) {
            Err(error) if matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) => Ok(0),
            read => read,
        }
    }
}
