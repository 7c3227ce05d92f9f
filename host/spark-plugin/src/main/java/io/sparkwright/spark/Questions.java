package io.sparkwright.spark;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The questions connection. Several queries may wait for an answer at the same time. Their threads never write to the socket, since a
 * stopped host would block the write for ever: they put a question into a queue and wait for at most the question timeout. After
 * {@link Welcome#missesBeforeUnsteered} unanswered questions in a row the application is unsteered.
 */
final class Questions {
  private final LineChannel channel;
  private final Welcome welcome;
  private final Steering steering;
  private final LinkedBlockingQueue<String> waiting;
  private final Map<Long, CompletableFuture<JsonNode>> asked = new ConcurrentHashMap<>();
  private final AtomicLong lastId = new AtomicLong();
  private final AtomicInteger misses = new AtomicInteger();
  private volatile long lastTripUs = -1;
  private volatile boolean closed;

  /** Makes the line of a question. */
  interface Text {
    /** @param lastTripUs round trip of the last answered question, microseconds; null when there was none */
    String of(long id, Long lastTripUs);
  }

  Questions(LineChannel channel, String application, Welcome welcome, Steering steering) {
    this.channel = channel;
    this.welcome = welcome;
    this.steering = steering;
    this.waiting = new LinkedBlockingQueue<>(welcome.questionQueueLength());
    waiting.add(Messages.helloQuestions(application));
    Steering.daemon("questions-out", this::write).start();
    Steering.daemon("questions-in", this::read).start();
  }

  /** Sends the question that {@code text} makes for a new id. The host's answer; null when there was none in time. */
  JsonNode ask(Text text) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(welcome.questionTimeoutMs());
    long id = lastId.incrementAndGet();
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    asked.put(id, answer);
    try {
      if (closed) {
        return null;
      }
      String line = text.of(id, lastTripUs < 0 ? null : lastTripUs);
      long sent = System.nanoTime();
      if (!waiting.offer(line)) {
        return missed();
      }
      JsonNode got = answer.get(Math.max(1, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
      lastTripUs = TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - sent);
      misses.set(0);
      return got;
    } catch (TimeoutException e) {
      return missed();
    } catch (java.util.concurrent.ExecutionException e) {
      return null; // closed meanwhile
    } finally {
      asked.remove(id);
    }
  }

  private JsonNode missed() {
    int inARow = misses.incrementAndGet();
    if (inARow >= welcome.missesBeforeUnsteered() && !closed) {
      steering.unsteer("the host left " + inARow + " questions in a row unanswered for "
          + welcome.questionTimeoutMs() + " ms each", true);
    }
    return null;
  }

  private void write() {
    try {
      while (!closed) {
        channel.writeLine(waiting.take());
      }
    } catch (IOException | InterruptedException e) {
      broken(e);
    }
  }

  private void read() {
    try {
      for (String line = channel.readLine(); line != null; line = channel.readLine()) {
        JsonNode answer = Messages.parse(line);
        // no query waits any more for an answer that comes too late
        CompletableFuture<JsonNode> question = asked.get(answer.path("answer").asLong(-1));
        if (question != null) {
          question.complete(answer);
        }
      }
      broken(null);
    } catch (IOException | RuntimeException e) {
      broken(e);
    }
  }

  private void broken(Exception e) {
    if (!closed) {
      steering.unsteer("the questions connection to the host broke" + (e == null ? "" : " (" + e.getMessage() + ")"), false);
    }
  }

  void close() {
    closed = true;
    channel.close();
    waiting.clear();
    waiting.offer(""); // wakes the writer, which finds the channel closed
    asked.values().forEach(question -> question.completeExceptionally(new IOException("closed")));
  }
}
