//! A file whose text another takes the place of: the whole of it or none, and the file stays what else it was.
//!
//! The new text is written to a file beside the old one, which then takes its name in one step. Where that would make another file of it
//! (names that it has besides, an owner that can't be given, access lists), the file itself is written, and put back where that fails.

use std::fs::{self, File, Metadata};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, flistxattr};
use tempfile::{Builder, NamedTempFile};

use crate::bounded_file;

/// What the files are called in which a text is made; names of policy files may be as long as names can be.
const BESIDE: &str = ".sparkwright-";
/// The most links that lead from one to the other, as Linux has it.
const MOST_LINKS: usize = 40;
/// The bits of a mode by which somebody may write.
const MAY_WRITE: u32 = 0o222;

/// Why a file is as it was.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReplaced {
    /// Its text is another than the one that was to be replaced, or it is no longer there, or is there again.
    #[error("its text is another by now")]
    Changed,
    #[error(transparent)]
    Failed(#[from] io::Error),
}

/// Why the file can't be given another text by this user; nothing where it can.
pub(super) fn read_only(path: &Path) -> Option<String> {
    let (target, is) = match fs::canonicalize(path).and_then(|target| Ok((fs::metadata(&target)?, target))) {
        Ok((is, target)) => (target, is),
        Err(error) => return Some(format!("it can't be looked at: {error}")),
    };
    let folder = folder_of(&target);
    let mode = is.mode() & 0o7777;
    if !is.is_file() {
        Some("it is a device, a pipe or a folder, not a file".to_owned())
    } else if mode & MAY_WRITE == 0 {
        Some(format!("it is read-only (mode {mode:03o}): `chmod u+w` lets its owner write it"))
    } else if let Err(error) = access(&target, Access::WRITE_OK) {
        Some(format!("you may not write it (mode {mode:03o}, user {}): {error}", is.uid()))
    } else {
        let error = access(folder, Access::WRITE_OK | Access::EXEC_OK).err()?;
        Some(format!(
            "you may not write to its folder `{}`, where the new text is made first: {error}",
            folder.display()
        ))
    }
}

/// Gives the file at `target`, which is no link, another text, if `is_known` says of its text that it is the one to be replaced.
pub(super) fn replace(target: &Path, text: &[u8], is_known: impl Fn(&[u8]) -> bool) -> Result<(), NotReplaced> {
    let old = known(target, &is_known)?;
    let before = fs::metadata(target)?;
    let mut fresh = Builder::new().prefix(BESIDE).tempfile_in(folder_of(target))?;
    if can_be_another(target, &before)? && make_like(fresh.as_file(), &before).is_ok() {
        written(fresh.as_file_mut(), text)?;
        // Writing took its time, in which somebody else may have written too.
        known(target, &is_known)?;
        fresh.persist(target).map_err(|error| error.error)?;
        settle(target);
    } else {
        written(fresh.as_file_mut(), &old)?;
        known(target, &is_known)?;
        overwrite(target, text, &old, fresh)?;
    }
    Ok(())
}

/// Makes a file that is not there; where a link leads to nothing, the file that it leads to.
pub(super) fn create(path: &Path, text: &[u8]) -> Result<(), NotReplaced> {
    let target = end_of_links(path)?;
    // As any new file: what the user's mask leaves of it.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let mut fresh = Builder::new().prefix(BESIDE).permissions(mode).tempfile_in(folder_of(&target))?;
    written(fresh.as_file_mut(), text)?;
    match fresh.persist_noclobber(&target) {
        Ok(_) => settle(&target),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Err(NotReplaced::Changed),
        Err(error) => return Err(error.error.into()),
    }
    Ok(())
}

/// The text of the file, where it is the one to be replaced.
fn known(target: &Path, is_known: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>, NotReplaced> {
    match bounded_file::again(target) {
        Ok(now) if is_known(&now) => Ok(now),
        Ok(_) => Err(NotReplaced::Changed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(NotReplaced::Changed),
        Err(error) => Err(error.into()),
    }
}

/// Whether nothing would be missed of the old file, were there another with its name, owner and mode.
fn can_be_another(target: &Path, before: &Metadata) -> io::Result<bool> {
    let mut names = vec![0u8; 64 << 10];
    let listed = match flistxattr(File::open(target)?, names.as_mut_slice()) {
        Ok(length) => names.get(..length).unwrap_or_default(),
        // A file system that knows none.
        Err(rustix::io::Errno::NOTSUP) => &[],
        Err(_) => return Ok(false),
    };
    // Labels of the system's own are given to each new file by its folder.
    let own = |name: &[u8]| !name.is_empty() && !name.starts_with(b"security.");
    Ok(before.nlink() == 1 && !listed.split(|byte| *byte == 0).any(own))
}

/// Gives a fresh file the owner and the mode of the old one; the mode last, since another owner takes bits of it away.
fn make_like(fresh: &File, before: &Metadata) -> io::Result<()> {
    let is = fresh.metadata()?;
    if is.gid() != before.gid() {
        fchown(fresh, None, Some(before.gid()))?;
    }
    if is.uid() != before.uid() {
        fchown(fresh, Some(before.uid()), None)?;
    }
    fresh.set_permissions(before.permissions())
}

/// Writes the file itself. `copy` holds its old text, and stays where that can't be put back.
fn overwrite(target: &Path, text: &[u8], old: &[u8], copy: NamedTempFile) -> io::Result<()> {
    let mut file = File::options().write(true).open(target)?;
    let Err(error) = written(&mut file, text) else { return Ok(()) };
    if written(&mut file, old).is_ok() {
        return Err(error);
    }
    let (_, at) = copy.keep().map_err(|error| error.error)?;
    let told = format!("{error}; its old text could not be put back either, and is in `{}`", at.display());
    Err(io::Error::new(error.kind(), told))
}

/// Writes a whole text, to the disk.
fn written(file: &mut File, text: &[u8]) -> io::Result<()> {
    file.rewind()?;
    file.write_all(text)?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

/// Has the file's new name on the disk too. The text is whole in either case, so that a file system that can't do this is no fault.
fn settle(target: &Path) {
    if let Ok(folder) = File::open(folder_of(target)) {
        let _ = folder.sync_all();
    }
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("/"),
    }
}

fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut at = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&at) {
            Ok(to) => at = folder_of(&at).join(to),
            Err(_) => return Ok(at),
        }
    }
    Err(rustix::io::Errno::LOOP.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    use std::thread;

    use rustix::fs::{XattrFlags, setxattr};
    use rustix::process::geteuid;

    /// Somebody who is not root.
    const NOBODY: u32 = 65_534;

    fn file(folder: &Path, mode: u32) -> PathBuf {
        let path = folder.join("p.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn is_first(text: &[u8]) -> bool {
        text == b"a: 1\n"
    }

    /// What a user who is not root is told or does; nothing where there is no such user.
    fn as_nobody<T: Send>(name: &str, act: impl FnOnce() -> T + Send) -> Option<T> {
        if !geteuid().is_root() {
            eprintln!("SKIPPED {name}: only root can be somebody else");
            return None;
        }
        let other = move || {
            let (user, group) = (rustix::process::Uid::from_raw(NOBODY), rustix::process::Gid::from_raw(NOBODY));
            rustix::thread::set_thread_groups(&[]).unwrap();
            rustix::thread::set_thread_res_gid(group, group, group).unwrap();
            rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            act()
        };
        Some(thread::scope(|scope| scope.spawn(other).join().unwrap()))
    }

    #[test]
    fn mode_owner_and_name_stay_and_nothing_is_left_beside() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o600, 0o640, 0o664, 0o4755] {
            let path = file(folder.path(), mode);
            if geteuid().is_root() {
                chown(&path, Some(1_234), Some(4_321)).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            }
            let before = fs::metadata(&path).unwrap();
            replace(&path, b"a: 2\n", is_first).unwrap();
            let after = fs::metadata(&path).unwrap();
            assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
            assert_ne!(after.ino(), before.ino(), "another file took its place in one step");
            assert_eq!(fs::read(&path).unwrap(), b"a: 2\n");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_file_of_several_names_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), 0o640);
        let other = folder.path().join("other.yaml");
        fs::hard_link(&path, &other).unwrap();
        for text in [&b"a: 2, and longer than before\n"[..], b"a\n"] {
            let now = fs::read(&path).unwrap();
            replace(&path, text, |known| known == now).unwrap();
            assert_eq!((fs::read(&path).unwrap(), fs::read(&other).unwrap()), (text.to_vec(), text.to_vec()));
        }
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_attached_to_a_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), 0o600);
        if let Err(error) = setxattr(&path, "user.of", b"team", XattrFlags::empty()) {
            eprintln!("SKIPPED what_is_attached_to_a_file_stays: this file system attaches nothing: {error}");
            return;
        }
        replace(&path, b"a: 2\n", is_first).unwrap();
        let mut value = [0u8; 16];
        assert_eq!(rustix::fs::getxattr(&path, "user.of", value.as_mut_slice()).unwrap(), 4);
        assert_eq!(fs::read(&path).unwrap(), b"a: 2\n");
    }

    #[test]
    fn the_file_of_somebody_else_stays_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), 0o666);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let name = "the_file_of_somebody_else_stays_theirs";
        let Some(replaced) = as_nobody(name, || replace(&path, b"a: 2\n", is_first)) else { return };
        replaced.unwrap();
        let is = fs::metadata(&path).unwrap();
        assert_eq!((is.uid(), is.mode() & 0o777, fs::read(&path).unwrap()), (0, 0o666, b"a: 2\n".to_vec()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn another_text_than_the_known_one_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), 0o600);
        assert!(matches!(replace(&path, b"a: 3\n", |_| false), Err(NotReplaced::Changed)));
        // Somebody writes while the new text is made: seen at the second look.
        let looks = std::cell::Cell::new(0);
        let seen = |text: &[u8]| {
            looks.set(looks.get() + 1);
            let known = is_first(text);
            fs::write(&path, "theirs\n").unwrap();
            known
        };
        assert!(matches!(replace(&path, b"a: 3\n", seen), Err(NotReplaced::Changed)));
        assert_eq!((looks.get(), fs::read(&path).unwrap()), (2, b"theirs\n".to_vec()));
        assert!(matches!(create(&path, b"a: 3\n"), Err(NotReplaced::Changed)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::remove_file(&path).unwrap();
        assert!(matches!(replace(&path, b"a: 3\n", |_| true), Err(NotReplaced::Changed)));
    }

    #[test]
    fn a_file_that_is_gone_is_made_anew_also_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("config.yaml");
        symlink("real.yaml", &link).unwrap();
        create(&link, b"a: 1\n").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(folder.path().join("real.yaml")).unwrap(), b"a: 1\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let circle = folder.path().join("circle");
        symlink("circle", &circle).unwrap();
        assert!(matches!(create(&circle, b""), Err(NotReplaced::Failed(_))));
    }

    #[test]
    fn a_name_as_long_as_names_can_be_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x".repeat(255));
        create(&path, b"a: 1\n").unwrap();
        replace(&path, b"a: 2\n", is_first).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"a: 2\n");
    }

    #[test]
    fn what_may_not_be_written_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), 0o444);
        assert!(read_only(&path).unwrap().contains("read-only (mode 444)"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read_only(&path), None);
        assert!(read_only(Path::new("/dev/null")).unwrap().contains("not a file"));
        assert!(read_only(folder.path()).unwrap().contains("not a file"));
        assert!(read_only(&folder.path().join("absent")).unwrap().contains("can't be looked at"));

        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let why = |path: &Path| as_nobody("what_may_not_be_written_says_why", || read_only(path).unwrap());
        let Some(told) = why(&path) else { return };
        assert!(told.contains("you may not write it (mode 644, user 0)"), "{told}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let told = why(&path).unwrap();
        assert!(told.contains(&format!("its folder `{}`", folder.path().canonicalize().unwrap().display())), "{told}");
    }
}
