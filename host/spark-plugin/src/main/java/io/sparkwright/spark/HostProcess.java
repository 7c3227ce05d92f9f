package io.sparkwright.spark;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.spark.SparkConf;

/** Starts the {@code sparkwright} command beside the driver when no socket was given. It ends by itself when the driver ends. */
final class HostProcess {
  private static final String COMMAND_KEY = "spark.sparkwright.command";

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
   * @param process the host process if the plugin started it, else null; once it has ended there is no reason to wait
   * @throws IOException nothing listens there within {@link WithoutHost#CONNECT_MS}
   */
  static LineChannel reach(Path socket, HostProcess process, BooleanSupplier givenUp)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(WithoutHost.CONNECT_MS);
    while (true) {
      try {
        return LineChannel.connect(socket);
      } catch (IOException e) {
        boolean dead = process != null && !process.isAlive();
        if (givenUp.getAsBoolean() || System.nanoTime() > deadline || dead) {
          throw new IOException("nobody listens at " + socket + ": " + (dead ? process.howItEnded() : e.getMessage()), e);
        }
        TimeUnit.MILLISECONDS.sleep(WithoutHost.RETRY_MS);
      }
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  private String howItEnded() {
    return "the host ended with status " + process.exitValue() + ", " + log(socket) + " has what it said" + firstWords(log(socket));
  }

  /** The beginning of what a host said, to show at once; empty when it said nothing. */
  private static String firstWords(Path log) {
    try (InputStream said = Files.newInputStream(log)) {
      String words = new String(said.readNBytes(WithoutHost.WORDS_BYTES), StandardCharsets.UTF_8).strip();
      return words.isEmpty() ? "" : ": " + words;
    } catch (IOException e) {
      return "";
    }
  }

  private static Path log(Path socket) {
    return socket.resolveSibling("host.log");
  }

  static HostProcess start(SparkConf conf) throws IOException {
    Path folder = Files.createTempDirectory(
        "sparkwright-", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path socket = folder.resolve("host.sock");
    List<String> command = new ArrayList<>(List.of(
        conf.get(COMMAND_KEY, "sparkwright"), "serve",
        "--socket", socket.toString(),
        "--driver-pid", Long.toString(ProcessHandle.current().pid())));
    for (String option : List.of("policy", "environment", "mode", "record", "store", "job")) {
      String value = conf.get("spark.sparkwright." + option, "");
      if (!value.isEmpty()) {
        command.add("--" + option);
        command.add(value);
      }
    }
    ProcessBuilder host = new ProcessBuilder(command)
        .redirectInput(new File("/dev/null"))
        .redirectErrorStream(true)
        .redirectOutput(log(socket).toFile());
    try {
      return new HostProcess(socket, host.start());
    } catch (IOException e) {
      Files.deleteIfExists(log(socket));
      Files.delete(folder);
      throw new IOException(e.getMessage() + "; set " + COMMAND_KEY + " to the path of the `sparkwright` command", e);
    }
  }
}
