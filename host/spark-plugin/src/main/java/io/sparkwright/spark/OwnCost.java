package io.sparkwright.spark;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/** What the plugin itself costs the driver, sent to the host when the application ends. */
final class OwnCost {
  private final LongAdder heldUpNanos = new LongAdder();

  /** Adds the time that a query's thread spent in the plugin. */
  void heldUp(long nanos) {
    heldUpNanos.add(nanos);
  }

  /** Takes off what of that time Spark spent computing what the query asks for. */
  void computed(long nanos) {
    heldUpNanos.add(-nanos);
  }

  /** The last message: how long queries were held up in all, and the processor time of our own threads. */
  String bye() {
    return Messages.ours("bye")
        .put("held_up_ms", TimeUnit.NANOSECONDS.toMillis(heldUpNanos.sum()))
        .put("plugin_cpu_ms", TimeUnit.NANOSECONDS.toMillis(ownThreadsNanos()))
        .toString();
  }

  private static long ownThreadsNanos() {
    try {
      ThreadMXBean threads = ManagementFactory.getThreadMXBean();
      long sum = 0;
      for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
        // our own threads, and those of our queues on the listener bus
        if (thread != null && thread.getThreadName().contains("sparkwright")) {
          sum += Math.max(0, threads.getThreadCpuTime(thread.getThreadId()));
        }
      }
      return sum;
    } catch (RuntimeException e) {
      return 0; // a JVM that does not measure CPU time of threads
    }
  }
}
