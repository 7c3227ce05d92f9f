package io.sparkwright.spark;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkFirehoseListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.scheduler.SparkListenerBlockUpdated;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerStageExecutorMetrics;
import org.apache.spark.sql.execution.ui.SparkListenerDriverAccumUpdates;
import org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate;
import org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveSQLMetricUpdates;
import org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd;

/**
 * Forwards listener events to the host. It has a queue of its own on the listener bus, so it can't slow other listeners, and it only puts
 * events into a bounded queue. The writer thread makes their JSON, not the thread that posted the event, as with Spark's own event log. If
 * an event changes while it is written (a stage's accumulables may), it is counted as dropped.
 */
final class EventForwarder extends SparkFirehoseListener {
  private final Steering steering;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean begun;

  EventForwarder(Steering steering) {
    this.steering = steering;
  }

  /**
   * Waits until the application's end, its last event, has come here; not where no event ever did, since the listener bus then never
   * started. Spark 4.3 shuts its plugins down before it has delivered what waits on the bus, Spark 3.5 afterwards.
   *
   * @param ms how long at most, milliseconds
   */
  void awaitEnd(long ms) throws InterruptedException {
    if (begun && !ended.await(ms, TimeUnit.MILLISECONDS)) {
      Log.debug("Sparkwright: the application's last events did not come in time", null);
    }
  }

  @Override
  public void onEvent(SparkListenerEvent event) {
    try {
      begun = true;
      if (wanted(event)) {
        steering.events().offer(event);
      }
      if (event instanceof SparkListenerApplicationEnd) {
        ended.countDown();
      }
    } catch (Throwable e) {
      Log.once("event", "Sparkwright: the host misses a listener event, the plugin failed on it", e);
      Log.rethrowIfJvmMustSeeIt(e);
    }
  }

  private static boolean wanted(SparkListenerEvent event) {
    if (event instanceof SparkListenerBlockUpdated block) {
      return block.blockUpdatedInfo().blockId().isRDD();
    }
    return !(event instanceof SparkListenerExecutorMetricsUpdate
        || event instanceof SparkListenerStageExecutorMetrics
        || event instanceof SparkListenerDriverAccumUpdates
        || event instanceof SparkListenerSQLAdaptiveExecutionUpdate
        || event instanceof SparkListenerSQLAdaptiveSQLMetricUpdates);
  }

  /** Drops an execution's confs when it ends. On a listener queue of its own, so that it does not wait behind many task events. */
  static final class EndOfExecution extends SparkFirehoseListener {
    private final SessionConfs confs;

    EndOfExecution(SessionConfs confs) {
      this.confs = confs;
    }

    @Override
    public void onEvent(SparkListenerEvent event) {
      try {
        if (event instanceof SparkListenerSQLExecutionEnd end) {
          confs.ended(end.executionId());
        }
      } catch (Throwable e) {
        Log.once("restore", "Sparkwright: what a query ran with is kept, forgetting it failed", e);
        Log.rethrowIfJvmMustSeeIt(e);
      }
    }
  }
}
