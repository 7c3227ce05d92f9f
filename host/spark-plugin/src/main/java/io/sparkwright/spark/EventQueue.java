package io.sparkwright.spark;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.scheduler.SparkListenerEvent;

/**
 * What waits to be written on the events connection. Listener events are bounded and dropped (counted) when the host reads
 * too slowly; our own lines are few and never dropped. Nothing here ever blocks the side that offers.
 */
final class EventQueue {
  /** Events kept before any welcome has said how many. */
  private static final int BEFORE_WELCOME = 10_000;

  private final LinkedBlockingQueue<Object> waiting = new LinkedBlockingQueue<>();
  private final AtomicInteger events = new AtomicInteger();
  private final AtomicLong dropped = new AtomicLong();
  private volatile int limit = BEFORE_WELCOME;
  private volatile boolean open = true;

  void limit(int length) {
    limit = length;
  }

  void offer(SparkListenerEvent event) {
    if (!open) {
      return;
    }
    if (events.incrementAndGet() > limit) {
      events.decrementAndGet();
      dropped.incrementAndGet();
    } else {
      waiting.add(event);
    }
  }

  /** A line of our own. */
  void say(String line) {
    if (open) {
      waiting.add(line);
    }
  }

  /** Whether all has been taken to be written. */
  boolean isEmpty() {
    return waiting.isEmpty();
  }

  /** The next thing to write, a SparkListenerEvent or a String; null when nothing came in time. */
  Object next(long waitMs) throws InterruptedException {
    Object next = waiting.poll(waitMs, TimeUnit.MILLISECONDS);
    if (next instanceof SparkListenerEvent) {
      events.decrementAndGet();
    }
    return next;
  }

  /** Events lost since the last call. */
  long takeDropped() {
    return dropped.get() == 0 ? 0 : dropped.getAndSet(0);
  }

  void countDropped() {
    dropped.incrementAndGet();
  }

  /** From now on nothing is taken any more and what waits is let go, except {@code lastLine} when there is one. */
  void close(String lastLine) {
    open = false;
    waiting.clear();
    if (lastLine != null) {
      waiting.add(lastLine);
    }
  }
}
