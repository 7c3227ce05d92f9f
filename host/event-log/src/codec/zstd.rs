//! zstd, Spark's default since 3.0.

use std::io::{BufRead, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Where the reading of [`Frames`] is.
enum At {
    NextFrame,
    InFrame,
    /// Behind the last frame, or where it is cut off.
    End,
}

/// The text of a sequence of zstd frames: Spark flushes by ending a frame and beginning the next one. It ends where a frame is cut off.
pub(super) struct Frames<R> {
    source: R,
    frame: FrameDecoder,
    at: At,
}

impl<R> Frames<R> {
    pub(super) fn of(source: R) -> Self {
        Self { source, frame: FrameDecoder::new(), at: At::NextFrame }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            self.at = match self.at {
                At::End => return Ok(0),
                At::NextFrame if self.source.fill_buf()?.is_empty() || self.frame.init(&mut self.source).is_err() => {
                    At::End
                }
                At::NextFrame => At::InFrame,
                At::InFrame => match self.frame.read(into)? {
                    0 if self.frame.is_finished() => At::NextFrame,
                    0 => match self.frame.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)) {
                        Ok(_) => At::InFrame,
                        Err(_) => At::End,
                    },
                    given => return Ok(given),
                },
            }
        }
    }
}
