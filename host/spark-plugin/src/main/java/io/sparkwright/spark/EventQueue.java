package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.scheduler.SparkListenerEvent;

/**
 * The queue of the events connection. Listener events are limited: when the host reads too slowly, further ones are dropped and counted.
 * Our own lines are few and have no limit. Adding to the queue never blocks.
 */
final class EventQueue {
  /** Returned by {@link #next} at the end of the queue. */
  static final Object END = new Object();

  private final LinkedBlockingQueue<Object> waiting = new LinkedBlockingQueue<>();
  private final AtomicInteger events = new AtomicInteger();
  private final AtomicLong dropped = new AtomicLong();
  private volatile int limit = WithoutHost.EVENTS;
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

  /** Adds a line of our own. */
  void say(String line) {
    if (open) {
      waiting.add(line);
    }
  }

  /**
   * Adds a mark behind everything that waits now. The writer counts it down when all before it is written to the socket. In a closed queue
   * it is counted down at once.
   */
  CountDownLatch mark() {
    CountDownLatch mark = new CountDownLatch(1);
    waiting.add(mark);
    if (!open && waiting.remove(mark)) {
      mark.countDown();
    }
    return mark;
  }

  /** Whether the writer has taken everything. */
  boolean isEmpty() {
    return waiting.isEmpty();
  }

  /** Waits for the next thing to write: a SparkListenerEvent, a String, a {@link #mark} or {@link #END}. */
  Object next() throws InterruptedException {
    Object next = waiting.take();
    if (next instanceof SparkListenerEvent) {
      events.decrementAndGet();
    }
    return next;
  }

  /** The number of events dropped since the last call. */
  long takeDropped() {
    return dropped.get() == 0 ? 0 : dropped.getAndSet(0);
  }

  void countDropped() {
    dropped.incrementAndGet();
  }

  /** Accepts nothing more; what waits is still written. */
  void end() {
    open = false;
    waiting.add(END);
  }

  /** Accepts nothing more and discards what waits. {@code lastLine}, if not null, is still written. */
  void close(String lastLine) {
    open = false;
    List<Object> left = new ArrayList<>();
    waiting.drainTo(left);
    for (Object one : left) {
      if (one instanceof CountDownLatch mark) {
        mark.countDown();
      }
    }
    if (lastLine != null) {
      waiting.add(lastLine);
    }
    waiting.add(END);
  }
}
