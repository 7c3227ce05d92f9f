package io.sparkwright.spark;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.execution.datasources.InMemoryFileIndex;

/**
 * Identifies the content of a file relation by its files. Spark compares such relations by root path only: without this a cached plan would
 * still be used after its files were replaced. A listing has each file's path, length and modification time, as Spark's own has them; while a
 * plan is cached, each use also compares what tells contents apart ({@link FileVersion}).
 */
final class SourceIdentity {
  /** A file name with a UUID: Spark and Hadoop committers never write to such a name twice. */
  private static final Pattern UNIQUE_NAME =
      Pattern.compile(".*[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}.*");

  /** One file as a FileIndex saw it; length in bytes, modification time in Unix milliseconds. */
  record Stamp(String path, long length, long modifiedMs) {}

  /**
   * The files of one relation, sorted by path.
   *
   * @param newestMs latest modification time among files that could be written again under the same name; 0 when there is none
   */
  record Listing(List<Stamp> files, long digest, long newestMs, Configuration hadoop) {
    boolean sameFiles(Listing other) {
      return this == other || digest == other.digest && files.equals(other.files);
    }
  }

  private record Known(Object leafFiles, Listing listing) {}

  private final WeakIdentityMap<InMemoryFileIndex, Known> known = new WeakIdentityMap<>();

  /** The files of the index. Computed once per listing: after a refresh the index has another map. */
  Listing of(InMemoryFileIndex index) {
    var leafFiles = SparkInternals.leafFiles(index);
    Known before = known.get(index);
    if (before != null && before.leafFiles == leafFiles) {
      return before.listing;
    }
    List<Stamp> files = new ArrayList<>(leafFiles.size());
    long newest = 0;
    for (FileStatus file : SparkInternals.list(leafFiles.values())) {
      files.add(new Stamp(file.getPath().toString(), file.getLen(), file.getModificationTime()));
      if (!UNIQUE_NAME.matcher(file.getPath().getName()).matches()) {
        newest = Math.max(newest, file.getModificationTime());
      }
    }
    files.sort((a, b) -> a.path.compareTo(b.path));
    long digest = files.size();
    for (Stamp file : files) {
      digest = Mix.with(Mix.with(Mix.with(digest, Mix.of(file.path)), file.length), file.modifiedMs);
    }
    Listing listing = new Listing(List.copyOf(files), digest, newest, index.hadoopConf());
    known.put(index, new Known(leafFiles, listing));
    return listing;
  }

  /** Looks at the files of listings as they are now, at each listing once. Made anew for each question. */
  static final class Look {
    private final Map<Listing, List<FileVersion>> seen = new IdentityHashMap<>();
    private final int listFolderFrom;

    /** @param listFolderFrom number of files in a remote folder from which it is listed once, instead of one request for each file */
    Look(int listFolderFrom) {
      this.listFolderFrom = listFolderFrom;
    }

    /** The version of each file of the listing, in its order; empty where a file is gone or has another length or modification time. */
    List<FileVersion> versions(Listing listing) throws IOException {
      List<FileVersion> before = seen.get(listing);
      if (before == null) {
        before = look(listing);
        seen.put(listing, before);
      }
      return before;
    }

    /**
     * Why the versions of a listing's files do not identify their contents; null when they do.
     *
     * @param settledAtMs a file that changed later may change once more without another change time, Unix milliseconds
     */
    static String unidentified(Listing listing, List<FileVersion> versions, long settledAtMs) throws IOException {
      Map<Path, String> mounts = new HashMap<>();
      for (int i = 0; i < versions.size(); i++) {
        Path path = new Path(listing.files.get(i).path);
        FileVersion version = versions.get(i);
        if (version.version() == null) {
          return "its file system tells neither etag nor version";
        }
        if (version.changedMs() > settledAtMs && !UNIQUE_NAME.matcher(path.getName()).matches()) {
          return "it was written just now";
        }
        if (version.changedMs() == 0) {
          continue;
        }
        String mount = mounts.get(path.getParent());
        if (mount == null) {
          mount = FileVersion.unreliableMount(path);
          mounts.put(path.getParent(), mount);
        }
        if (!mount.isEmpty()) {
          return "it is on a mount of type " + mount + ", whose inodes and change times may be made up or late";
        }
      }
      return null;
    }

    private List<FileVersion> look(Listing listing) throws IOException {
      Map<Path, List<Stamp>> folders = new HashMap<>();
      for (Stamp file : listing.files) {
        folders.computeIfAbsent(new Path(file.path).getParent(), folder -> new ArrayList<>()).add(file);
      }
      Map<Stamp, FileVersion> found = new HashMap<>();
      for (Map.Entry<Path, List<Stamp>> folder : folders.entrySet()) {
        FileSystem fs = folder.getKey().getFileSystem(listing.hadoop);
        boolean local = "file".equals(fs.getUri().getScheme());
        Map<String, FileStatus> listed = !local && folder.getValue().size() >= listFolderFrom ? list(fs, folder.getKey()) : null;
        for (Stamp file : folder.getValue()) {
          FileVersion now = version(fs, local, listed, new Path(file.path));
          if (now == null || now.length() != file.length || now.modifiedMs() != file.modifiedMs) {
            return List.of();
          }
          found.put(file, now);
        }
      }
      return listing.files.stream().map(found::get).toList();
    }

    private static FileVersion version(FileSystem fs, boolean local, Map<String, FileStatus> listed, Path path) throws IOException {
      try {
        if (local) {
          return FileVersion.local(path);
        }
        FileStatus status = listed == null ? fs.getFileStatus(path) : listed.get(path.getName());
        return status == null ? null : FileVersion.remote(status);
      } catch (FileNotFoundException | NoSuchFileException e) {
        return null;
      }
    }

    private static Map<String, FileStatus> list(FileSystem fs, Path folder) throws IOException {
      Map<String, FileStatus> now = new HashMap<>();
      for (FileStatus status : fs.listStatus(folder)) {
        now.put(status.getPath().getName(), status);
      }
      return now;
    }
  }
}
