package io.sparkwright.spark;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.fs.EtagSource;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.hdfs.protocol.HdfsFileStatus;

/**
 * What tells one content of a file from another. Length and modification time do not: {@code cp -p}, {@code rsync -t}, {@code unzip} and
 * mounts of object stores put the time back, and a new content may be as long as the old.
 *
 * @param length bytes
 * @param modifiedMs modification time, Unix milliseconds
 * @param version inode and change time on a local disk, the etag in an object store, the file's number in HDFS; null where nothing tells
 * @param changedMs when the version changed last, Unix milliseconds, as far as it could change again at the same time; else 0
 */
record FileVersion(long length, long modifiedMs, String version, long changedMs) {
  /** File systems whose inodes and change times the kernel of this machine keeps. Those of a network or of FUSE may be made up or late. */
  private static final Set<String> LOCAL_DISKS =
      Set.of("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "bcachefs", "tmpfs", "overlay");

  /** A file of this machine. Links are followed. */
  static FileVersion local(org.apache.hadoop.fs.Path path) throws IOException {
    Map<String, Object> attributes = Files.readAttributes(onThisMachine(path), "unix:size,lastModifiedTime,ino,ctime");
    FileTime changed = (FileTime) attributes.get("ctime");
    return new FileVersion((Long) attributes.get("size"), ((FileTime) attributes.get("lastModifiedTime")).toMillis(),
        attributes.get("ino") + ":" + changed.toInstant(), changed.toMillis());
  }

  /** A file of any other file system, as it tells itself. */
  static FileVersion remote(FileStatus status) {
    String version = null;
    if (status instanceof EtagSource tagged) {
      version = tagged.getEtag();
    } else if (status instanceof HdfsFileStatus hdfs) {
      version = Long.toString(hdfs.getFileId());
    }
    boolean told = version != null && !version.isEmpty();
    return new FileVersion(status.getLen(), status.getModificationTime(), told ? version : null, 0);
  }

  /** The type of the file system that a file of this machine is on, if its inodes and change times can't be relied on; else an empty text. */
  static String unreliableMount(org.apache.hadoop.fs.Path path) throws IOException {
    String type = Files.getFileStore(onThisMachine(path)).type();
    return LOCAL_DISKS.contains(type) ? "" : type;
  }

  private static Path onThisMachine(org.apache.hadoop.fs.Path path) {
    return new File(path.toUri().getPath()).toPath();
  }
}
