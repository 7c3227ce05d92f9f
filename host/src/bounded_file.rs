//! Files that somebody named or left: read up to a limit, and those that were only found are never waited for.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use sparkwright_core::steering::{INPUT_FILE_BYTES_AT_MOST, RECORD_FILE_BYTES_AT_MOST};

/// The content of a file that the user named. It may be a pipe, as `<(…)` of a shell makes one, and is waited for.
///
/// # Errors
/// It can't be read, or has more than [`INPUT_FILE_BYTES_AT_MOST`], as `/dev/zero` has.
pub fn named(path: &Path) -> io::Result<Vec<u8>> {
    up_to(INPUT_FILE_BYTES_AT_MOST, File::open(path)?)
}

/// The same as text.
///
/// # Errors
/// As [`named`], or it is not UTF-8.
pub fn named_text(path: &Path) -> io::Result<String> {
    text(named(path)?)
}

/// The content of a file that the user named once and that is read again and again: no pipe, since nobody may ever write to it.
///
/// # Errors
/// As [`named`], or it is no file.
pub fn again(path: &Path) -> io::Result<Vec<u8>> {
    up_to(INPUT_FILE_BYTES_AT_MOST, plain(path)?)
}

/// The same as text.
///
/// # Errors
/// As [`again`], or it is not UTF-8.
pub fn text_again(path: &Path) -> io::Result<String> {
    text(again(path)?)
}

/// The content of a file of a record, which was found in a folder.
///
/// # Errors
/// It can't be read, is a pipe, a device or a folder, or has more than [`RECORD_FILE_BYTES_AT_MOST`].
pub fn found(path: &Path) -> io::Result<Vec<u8>> {
    up_to(RECORD_FILE_BYTES_AT_MOST, plain(path)?)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let message = format!("it is not UTF-8 text: byte {} is wrong", error.utf8_error().valid_up_to());
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// A plain file, open.
fn plain(path: &Path) -> io::Result<File> {
    let no_wait = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(no_wait).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, a device or a folder, not a file"));
    }
    Ok(file)
}

fn up_to(most: u64, file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let message = format!("it has more than {} MiB: is this the right file?", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn no_device_is_read_for_ever_and_no_pipe_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(named(Path::new("/dev/zero")).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        let pipe = folder.path().join("run.json");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for wrong in [Path::new("/dev/zero"), &pipe, folder.path()] {
            assert_eq!(found(wrong).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{}", wrong.display());
            assert_eq!(text_again(wrong).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{}", wrong.display());
        }
        let file = folder.path().join("file");
        std::fs::write(&file, b"gr\xfc\xdfe").unwrap();
        assert_eq!((named(&file).unwrap(), found(&file).unwrap()), (b"gr\xfc\xdfe".to_vec(), b"gr\xfc\xdfe".to_vec()));
        assert!(named_text(&file).unwrap_err().to_string().contains("byte 2 is wrong"));
    }
}
