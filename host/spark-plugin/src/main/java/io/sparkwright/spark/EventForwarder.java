package io.sparkwright.spark;

import org.apache.spark.SparkFirehoseListener;
import org.apache.spark.scheduler.SparkListenerBlockUpdated;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerStageExecutorMetrics;
import org.apache.spark.sql.execution.ui.SparkListenerDriverAccumUpdates;
import org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate;
import org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveSQLMetricUpdates;
import org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd;

/**
 * Hands listener events on to the host. It has a listener queue of its own, so it can't slow other listeners, and it only
 * puts the event into a bounded queue: the JSON is made by the writing thread, and not at all without a host. That is as
 * safe as Spark's own event log, which also serialises on another thread than the one that posted: where a stage's
 * accumulables change meanwhile, that one event is counted as dropped.
 */
final class EventForwarder extends SparkFirehoseListener {
  private final Steering steering;

  EventForwarder(Steering steering) {
    this.steering = steering;
  }

  @Override
  public void onEvent(SparkListenerEvent event) {
    try {
      if (wanted(event)) {
        steering.events().offer(event);
      }
    } catch (Throwable e) {
      Log.once("event", "Sparkwright could not take a listener event", e);
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

  /** Gives sessions their own confs back; in a second queue of its own, so that it is never late behind many task events. */
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
        Log.once("restore", "Sparkwright could not give a session its confs back", e);
        Log.rethrowIfJvmMustSeeIt(e);
      }
    }
  }
}
