package io.sparkwright.spark;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Lines of UTF-8 over a Unix domain socket. One thread may read while another writes. Both calls block, so neither thread may be one of
 * Spark's. (The streams of {@code java.nio.channels.Channels} are not used: on Java 17 they share one lock for both directions.)
 */
final class LineChannel implements Closeable {
  /** Longest line of the protocol, bytes; the host has the same number. */
  static final int LONGEST_LINE_BYTES = 16 << 20;

  private final SocketChannel channel;
  private final ByteBuffer in = ByteBuffer.allocate(64 << 10).flip();

  /** Whether the line is short enough for the protocol. */
  static boolean fits(String line) {
    // UTF-8 has at most three bytes for each char
    return line.length() <= LONGEST_LINE_BYTES / 3 || line.getBytes(StandardCharsets.UTF_8).length <= LONGEST_LINE_BYTES;
  }

  private LineChannel(SocketChannel channel) {
    this.channel = channel;
  }

  static LineChannel connect(Path socket) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
      return new LineChannel(channel);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Writes a line and blocks until all of it is in the socket's buffer. {@code line} has no newline at its end. */
  void writeLine(String line) throws IOException {
    byte[] text = line.getBytes(StandardCharsets.UTF_8);
    ByteBuffer out = ByteBuffer.allocate(text.length + 1).put(text).put((byte) '\n').flip();
    while (out.hasRemaining()) {
      channel.write(out);
    }
  }

  /** The next line; blocks until it has come. Null at the end of the stream. */
  String readLine() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    while (true) {
      while (in.hasRemaining()) {
        byte b = in.get();
        if (b == '\n') {
          return line.toString(StandardCharsets.UTF_8);
        }
        line.write(b);
        if (line.size() > LONGEST_LINE_BYTES) {
          throw new IOException("a line from the host is longer than " + LONGEST_LINE_BYTES + " bytes");
        }
      }
      in.clear();
      int read = channel.read(in);
      in.flip();
      if (read < 0) {
        return null;
      }
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      Log.debug("Sparkwright: closing the socket", e);
    }
  }
}
