package io.sparkwright.spark;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListenerEvent;

/** Finds or starts the host, connects to it and runs the events connection: one thread reads commands, one writes events. */
final class HostConnection {
  private final SparkContext context;
  private final SparkConf conf;
  private final String application;
  private final Steering steering;
  private final HostProcess started;
  private final CountDownLatch written = new CountDownLatch(1);
  private volatile Path socket;
  private volatile LineChannel channel;
  private volatile Questions questions;
  private volatile boolean closing;

  /** @param started the host if it has been started already; otherwise null */
  HostConnection(SparkContext context, SparkConf conf, String application, Steering steering, HostProcess started) {
    this.context = context;
    this.conf = conf;
    this.application = application;
    this.steering = steering;
    this.started = started;
  }

  void start() {
    Steering.daemon("link", this::run).start();
  }

  /** Null before the host has accepted us, or when its mode is {@code off}. */
  Questions questions() {
    return questions;
  }

  private void run() {
    try {
      String refusal = greet();
      if (refusal != null) {
        steering.unsteer(refusal, false);
        return;
      }
      Steering.daemon("events", this::write).start();
      for (String line = channel.readLine(); line != null; line = channel.readLine()) {
        steering.commands().obey(Messages.parse(line));
      }
      steering.unsteer("the host closed the connection", false);
    } catch (Throwable e) {
      if (!closing) {
        steering.unsteer("no connection to the host (" + e.getMessage() + ")", false);
      }
      Log.rethrowIfJvmMustSeeIt(e);
    }
  }

  /** Sends the hello and reads the answer. Null when the host accepted us; otherwise why not. */
  private String greet() throws IOException, InterruptedException {
    socket = connect();
    channel.writeLine(Messages.helloEvents(context, application));
    var tooLate = steering.clock().schedule(channel::close, WithoutHost.ANSWER_MS, TimeUnit.MILLISECONDS);
    String line;
    try {
      line = channel.readLine();
    } catch (IOException e) {
      return "the host did not answer within " + WithoutHost.ANSWER_MS + " ms";
    } finally {
      tooLate.cancel(false);
    }
    JsonNode answer = Messages.parse(line == null ? "{}" : line);
    if (!"welcome".equals(answer.path("sparkwright").asText())) {
      return "the host refused: " + answer.path("reason").asText("no reason given");
    }
    Welcome welcome;
    try {
      welcome = Messages.read(Welcome.class, answer);
    } catch (IllegalArgumentException e) {
      return "host and plugin are of different versions (the host's welcome: " + e.getMessage()
          + "); use the plugin that `sparkwright plugin` of the host's version writes";
    }
    if (welcome.asks()) {
      questions = new Questions(LineChannel.connect(socket), application, welcome, steering);
    }
    steering.steered(welcome);
    return null;
  }

  private Path connect() throws IOException, InterruptedException {
    String given = conf.get("spark.sparkwright.socket", "");
    HostProcess process = !given.isEmpty() ? null : started != null ? started : HostProcess.start(conf);
    Path at = process == null ? Path.of(given) : process.socket();
    channel = HostProcess.reach(at, process, () -> closing);
    return at;
  }

  /** The socket on which the host listens; null before it was reached. */
  Path socket() {
    return socket;
  }

  private void write() {
    EventQueue queue = steering.events();
    Compat.EventJson json = new Compat.EventJson(conf);
    try {
      for (Object next = queue.next(); next != EventQueue.END; next = queue.next()) {
        long dropped = queue.takeDropped();
        if (dropped > 0) {
          channel.writeLine(Messages.ours("dropped").put("events", dropped).toString());
        }
        if (next instanceof SparkListenerEvent event) {
          String line = text(json, event);
          if (line == null) {
            queue.countDropped();
          } else {
            channel.writeLine(line);
          }
        } else if (next instanceof String line) {
          channel.writeLine(line);
        } else if (next instanceof CountDownLatch mark) {
          mark.countDown();
        }
      }
    } catch (Throwable e) {
      if (!closing) {
        steering.unsteer("the connection to the host broke (" + e.getMessage() + ")", false);
      }
      Log.rethrowIfJvmMustSeeIt(e);
    } finally {
      written.countDown();
      channel.close();
    }
  }

  /** The event's line; null when it can't be written: the event changed meanwhile, or is too long for a line. */
  private static String text(Compat.EventJson json, SparkListenerEvent event) {
    try {
      String line = EventText.withoutAccumulables(json.of(event));
      return LineChannel.fits(line) ? line : null;
    } catch (Exception | LinkageError e) {
      Log.debug("Sparkwright: an event could not be written", e);
      return null;
    }
  }

  /**
   * Closes both connections: the events connection at once, or when its writer has written what still waits. If the host is stopped, the
   * writer (a daemon thread) blocks until the host goes on or the application ends.
   */
  void close(boolean afterWriting) {
    closing = true;
    Questions asked = questions;
    if (asked != null) {
      asked.close();
    }
    LineChannel open = channel;
    if (open != null && !afterWriting) {
      open.close();
    }
  }

  /** Called when the application ends: writes the last events, for a limited time, and closes the connections. */
  void bye() {
    steering.events().say(steering.cost().bye());
    steering.events().end();
    closing = true;
    try {
      if (!written.await(WithoutHost.BYE_MS, TimeUnit.MILLISECONDS)) {
        Log.debug("Sparkwright: the host did not read the last events in time", null);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    close(false);
  }
}
