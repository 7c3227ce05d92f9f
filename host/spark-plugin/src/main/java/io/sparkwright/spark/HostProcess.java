package io.sparkwright.spark;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.spark.SparkConf;

/** Starts the {@code sparkwright} binary beside the driver when no socket was given. It ends by itself with the driver. */
final class HostProcess {
  /** Longest wait for the socket to appear, milliseconds. */
  static final long START_MS = 3_000;

  private final Path socket;
  private final Process process;

  private HostProcess(Path socket, Process process) {
    this.socket = socket;
    this.process = process;
  }

  Path socket() {
    return socket;
  }

  /**
   * A connection to the host at {@code socket}, which may still be starting.
   *
   * @param process the host, where we started it: once it is dead nobody will listen
   * @throws IOException when nobody listens there within {@link #START_MS}
   */
  static LineChannel reach(Path socket, HostProcess process, BooleanSupplier givenUp)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(START_MS);
    while (true) {
      try {
        return LineChannel.connect(socket);
      } catch (IOException e) {
        if (givenUp.getAsBoolean() || System.nanoTime() > deadline || process != null && !process.isAlive()) {
          throw new IOException("nobody listens at " + socket + ": " + e.getMessage(), e);
        }
        TimeUnit.MILLISECONDS.sleep(20);
      }
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  static HostProcess start(SparkConf conf) throws IOException {
    Path folder = Files.createTempDirectory(
        "sparkwright-", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path socket = folder.resolve("host.sock");
    List<String> command = new ArrayList<>(List.of(
        conf.get("spark.sparkwright.command", "sparkwright"), "serve",
        "--socket", socket.toString(),
        "--driver-pid", Long.toString(ProcessHandle.current().pid())));
    for (String option : List.of("policy", "environment", "mode", "record")) {
      String value = conf.get("spark.sparkwright." + option, "");
      if (!value.isEmpty()) {
        command.add("--" + option);
        command.add(value);
      }
    }
    Process process = new ProcessBuilder(command)
        .redirectInput(new File("/dev/null"))
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("host.log").toFile())
        .start();
    return new HostProcess(socket, process);
  }
}
