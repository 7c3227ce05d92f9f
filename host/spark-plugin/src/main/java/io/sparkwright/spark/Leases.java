package io.sparkwright.spark;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * Leases: the file {@code .sparkwright/<session>.lease} in the warehouse says that a session is alive and its tables are in use. In a local
 * folder this process holds a POSIX lock on the file; the system releases it when the process ends, for any reason. Other machines don't
 * see the lock, so the file's modification time is renewed for them. The file stays when the application ends: it shows which session left
 * tables behind.
 */
final class Leases {
  private static final String FOLDER = ".sparkwright";
  private static final String SUFFIX = ".lease";

  /** @param channel holds the lock; this process must never open another channel on the file. Null where there are no locks */
  private record Lease(Path file, FileChannel channel, String text) {}

  private final SparkContext context;
  private final Map<String, Lease> held = new HashMap<>();
  private boolean beating;
  private boolean closed;

  Leases(SparkContext context) {
    this.context = context;
  }

  /** Takes the lease of a session, or renews it if it is held already. */
  synchronized ObjectNode take(String session, String prefix) {
    TempName.session(session);
    TempName.prefix(prefix);
    URI warehouse = TempTables.warehouse(SparkSession.active());
    Lease lease = held.get(session);
    if (lease == null) {
      Path file = new Path(new Path(new Path(warehouse), FOLDER), session + SUFFIX);
      try {
        lease = isLocal(warehouse) ? lock(file, text(session, prefix, true)) : null;
        lease = lease == null ? unlocked(file, text(session, prefix, false)) : lease;
      } catch (IOException e) {
        throw new UncheckedIOException("can't take the lease " + file + ": " + e.getMessage(), e);
      }
      held.put(session, lease);
      beat();
    } else {
      renew(lease);
    }
    return Messages.object()
        .put("warehouse", warehouse.toString())
        .put("lease", lease.file.toString())
        .put("locked", lease.channel != null);
  }

  static boolean isLocal(URI warehouse) {
    return warehouse.getScheme() == null || warehouse.getScheme().equals("file");
  }

  private String text(String session, String prefix, boolean locked) {
    return Messages.object()
        .put("session", session)
        .put("prefix", prefix)
        .put("application", context.applicationId())
        .put("pid", ProcessHandle.current().pid())
        .put("host", machine())
        .put("started_ms", System.currentTimeMillis())
        .put("locked", locked)
        .toString();
  }

  /** The host name as in {@code uname -n}. On shared file systems other machines compare it with their own. */
  private static String machine() {
    try {
      return Files.readString(java.nio.file.Path.of("/proc/sys/kernel/hostname")).trim();
    } catch (IOException e) {
      Log.debug("Sparkwright: no /proc here", e);
    }
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  /**
   * Creates the lease file under another name, locks it and then renames it, so that a live session's lease is never visible without its
   * lock. Null where the file system has no locks.
   */
  private static Lease lock(Path file, String text) throws IOException {
    java.nio.file.Path path = java.nio.file.Path.of(file.toUri().getPath());
    java.nio.file.Path fresh = path.resolveSibling(path.getFileName() + ".new");
    for (int attempt = 1; ; attempt++) {
      Files.createDirectories(path.getParent());
      if (Files.isSymbolicLink(path.getParent())) {
        throw new IOException(path.getParent() + " is a symbolic link: wanted a folder");
      }
      FileChannel channel = null;
      try {
        channel = FileChannel.open(fresh,
            StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        if (!locks(channel)) {
          close(channel);
          Files.delete(fresh);
          return null;
        }
        write(channel, text);
        channel.force(true);
        Files.move(fresh, path, StandardCopyOption.ATOMIC_MOVE);
        return new Lease(file, channel, text);
      } catch (NoSuchFileException e) {
        close(channel);
        if (attempt == WithoutHost.LEASE_ATTEMPTS) {
          throw e;
        }
      } catch (IOException | RuntimeException e) {
        close(channel);
        throw e;
      }
    }
  }

  /** Whether the file could be locked; some network file systems have no locks. */
  private static boolean locks(FileChannel channel) {
    try {
      return channel.tryLock() != null;
    } catch (IOException e) {
      Log.debug("Sparkwright: no locks in this warehouse", e);
      return false;
    }
  }

  private static void close(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        Log.debug("Sparkwright: closing a lease", e);
      }
    }
  }

  private static void write(FileChannel channel, String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap((text + "\n").getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes, bytes.position());
    }
  }

  private Lease unlocked(Path file, String text) throws IOException {
    write(file, text);
    return new Lease(file, null, text);
  }

  private void write(Path file, String text) throws IOException {
    try (OutputStream out = fileSystem(file).create(file, true)) {
      out.write((text + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private FileSystem fileSystem(Path path) throws IOException {
    return path.getFileSystem(context.hadoopConfiguration());
  }

  private void beat() {
    if (!beating) {
      beating = true;
      Steering.daemon("leases", this::renewAll).start();
    }
  }

  /** Stopped by {@link #close}, never by an interrupt: that would close a channel during a write, which releases its lock. */
  private synchronized void renewAll() {
    try {
      while (!closed) {
        wait(WithoutHost.LEASE_RENEWAL_MS);
        held.values().forEach(this::renew);
      }
    } catch (InterruptedException e) {
      Log.once("lease", "Sparkwright: leases are not renewed any more, other sessions may remove this one's temp tables when they are old", e);
    }
  }

  /**
   * Writes the same text again: this renews the modification time on every file system, object stores included. It writes through the
   * channel that holds the lock, since closing any other channel on the file would release the lock.
   */
  private void renew(Lease lease) {
    try {
      if (lease.channel == null) {
        write(lease.file, lease.text);
      } else {
        write(lease.channel, lease.text);
      }
    } catch (IOException | RuntimeException e) {
      Log.once("lease", "Sparkwright: the lease " + lease.file + " was not renewed", e);
    }
  }

  /** Removes the lease of a session that has no tables any more. */
  synchronized void release(String session) {
    TempName.session(session);
    Lease lease = held.remove(session);
    if (lease == null) {
      return;
    }
    try {
      if (lease.channel == null) {
        fileSystem(lease.file).delete(lease.file, false);
      } else {
        Files.deleteIfExists(java.nio.file.Path.of(lease.file.toUri().getPath()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("can't remove the lease " + lease.file + ": " + e.getMessage(), e);
    } finally {
      close(lease.channel);
    }
  }

  /** Called when the application ends. Releases the locks and leaves the files, which show whose tables are left. */
  synchronized void close() {
    held.values().forEach(lease -> close(lease.channel));
    held.clear();
    closed = true;
    notifyAll();
  }

  /** Every lease of a warehouse that is not a local folder. Empty for a local one: there the locks show which sessions are alive. */
  ArrayNode remote() {
    ArrayNode told = Messages.array();
    URI warehouse = TempTables.warehouse(SparkSession.active());
    if (isLocal(warehouse)) {
      return told;
    }
    Path folder = new Path(new Path(warehouse), FOLDER);
    try {
      FileSystem fs = fileSystem(folder);
      for (FileStatus file : fs.listStatus(folder, path -> path.getName().endsWith(SUFFIX))) {
        String text = read(fs, file);
        told.addObject()
            .put("session", file.getPath().getName().substring(0, file.getPath().getName().length() - SUFFIX.length()))
            .put("prefix", Messages.parse(text).path("prefix").asText(null))
            .put("modified_ms", file.getModificationTime())
            .put("text", text);
      }
    } catch (FileNotFoundException e) {
      Log.debug("Sparkwright: no leases in " + folder, e);
    } catch (IOException e) {
      throw new UncheckedIOException("can't look into " + folder + ": " + e.getMessage(), e);
    }
    return told;
  }

  private static String read(FileSystem fs, FileStatus file) throws IOException {
    try (var in = fs.open(file.getPath())) {
      return new String(in.readNBytes(WithoutHost.LEASE_BYTES), StandardCharsets.UTF_8);
    }
  }

  /** Removes what another session left in a warehouse that is not a local folder: its table folders, then its lease. */
  synchronized void removeRemote(String session, String prefix) {
    TempName.session(session);
    TempName.prefix(prefix);
    URI warehouse = TempTables.warehouse(SparkSession.active());
    if (isLocal(warehouse)) {
      throw new IllegalStateException("the warehouse " + warehouse + " is a local folder: `sparkwright clean` removes what is left there");
    }
    if (held.containsKey(session)) {
      throw new IllegalStateException("session " + session + " is this application's own: it is alive");
    }
    String names = (prefix + session + "_").toLowerCase(Locale.ROOT);
    Path folder = new Path(warehouse);
    try {
      FileSystem fs = fileSystem(folder);
      for (FileStatus one : fs.listStatus(folder)) {
        if (one.isDirectory() && !one.isSymlink() && one.getPath().getName().toLowerCase(Locale.ROOT).startsWith(names)) {
          fs.delete(one.getPath(), true);
        }
      }
      fs.delete(new Path(new Path(folder, FOLDER), session + SUFFIX), false);
    } catch (IOException e) {
      throw new UncheckedIOException("can't remove what session " + session + " left in " + folder + ": " + e.getMessage(), e);
    }
  }
}
