package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.scheduler.SparkListenerEvent;

/**
 * What waits to be written on the events connection. Listener events are bounded and dropped (counted) when the host reads
 * too slowly; our own lines are few and never dropped. Nothing here ever blocks the side that offers.
 */
final class EventQueue {
  /** What {@link #next} gives when nothing will come any more. */
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

  /** A line of our own. */
  void say(String line) {
    if (open) {
      waiting.add(line);
    }
  }

  /**
   * A mark behind everything that waits now. The writer counts it down when all before it is with the kernel; a queue that is
   * closed, at once.
   */
  CountDownLatch mark() {
    CountDownLatch mark = new CountDownLatch(1);
    waiting.add(mark);
    if (!open && waiting.remove(mark)) {
      mark.countDown();
    }
    return mark;
  }

  /** Whether all has been taken to be written. */
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

  /** Events lost since the last call. */
  long takeDropped() {
    return dropped.get() == 0 ? 0 : dropped.getAndSet(0);
  }

  void countDropped() {
    dropped.incrementAndGet();
  }

  /** Nothing is taken any more; what waits is still written. */
  void end() {
    open = false;
    waiting.add(END);
  }

  /** Nothing is taken any more and what waits is let go. {@code lastLine}, where it is not null, is still written. */
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
