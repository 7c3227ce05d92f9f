package io.sparkwright.spark;

import java.io.IOException;
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
 * Identifies the content of a file relation by path, length and modification time of each file. Spark compares such relations by root path
 * only: without this a cached plan would still be used after its files were replaced.
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

  /** Compares listings with the file systems as they are now, each listing once. Made anew for each question. */
  static final class Look {
    private final Map<Listing, Boolean> seen = new IdentityHashMap<>();
    private final int listFolderFrom;

    /** @param listFolderFrom number of files in a remote folder from which it is listed once, instead of one request for each file */
    Look(int listFolderFrom) {
      this.listFolderFrom = listFolderFrom;
    }

    /** Whether each file of the listing is still there with its length and modification time. */
    boolean unchanged(Listing listing) throws IOException {
      Boolean before = seen.get(listing);
      if (before != null) {
        return before;
      }
      boolean same = check(listing);
      seen.put(listing, same);
      return same;
    }

    private boolean check(Listing listing) throws IOException {
      Map<Path, List<Stamp>> folders = new HashMap<>();
      for (Stamp file : listing.files) {
        folders.computeIfAbsent(new Path(file.path).getParent(), folder -> new ArrayList<>()).add(file);
      }
      for (Map.Entry<Path, List<Stamp>> folder : folders.entrySet()) {
        FileSystem fs = folder.getKey().getFileSystem(listing.hadoop);
        boolean listed = folder.getValue().size() >= listFolderFrom && !"file".equals(fs.getUri().getScheme());
        if (!(listed ? sameInFolder(fs, folder.getKey(), folder.getValue()) : sameEach(fs, folder.getValue()))) {
          return false;
        }
      }
      return true;
    }

    private static boolean sameEach(FileSystem fs, List<Stamp> files) throws IOException {
      for (Stamp file : files) {
        if (!same(fs.getFileStatus(new Path(file.path)), file)) {
          return false;
        }
      }
      return true;
    }

    private static boolean sameInFolder(FileSystem fs, Path folder, List<Stamp> files) throws IOException {
      Map<String, FileStatus> now = new HashMap<>();
      for (FileStatus status : fs.listStatus(folder)) {
        now.put(status.getPath().getName(), status);
      }
      for (Stamp file : files) {
        FileStatus status = now.get(new Path(file.path).getName());
        if (status == null || !same(status, file)) {
          return false;
        }
      }
      return true;
    }

    private static boolean same(FileStatus now, Stamp file) {
      return now.getLen() == file.length && now.getModificationTime() == file.modifiedMs;
    }
  }
}
