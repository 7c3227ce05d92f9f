package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanExec;
import org.apache.spark.sql.execution.adaptive.BroadcastQueryStageExec;
import org.apache.spark.sql.execution.adaptive.QueryStageExec;

/**
 * Broadcasts of the query that filled a cached plan. For as long as the plan is cached Spark keeps each broadcast join's hash table, at least
 * one page of memory (up to 64 MiB), in case a block must be computed again. Once all partitions are cached the hash tables are freed; the
 * serialised pieces, as small as the data, stay with the driver, and Spark builds a table from them again when a task asks for it.
 */
final class FilledFrom {
  private FilledFrom() {}

  /** Waits for tasks that read one of the tables just now. */
  static void letGo(SparkContext context, SparkPlan filled) {
    List<Broadcast<?>> broadcasts = new ArrayList<>();
    collect(filled, broadcasts);
    for (Broadcast<?> broadcast : broadcasts) {
      SparkInternals.keepPiecesOnly(context, broadcast);
    }
  }

  /** Only what adaptive execution has run: nothing is run for this. */
  private static void collect(SparkPlan plan, List<Broadcast<?>> into) {
    if (plan instanceof BroadcastQueryStageExec stage
        && SparkInternals.orNull(stage.resultOption().get()) instanceof Broadcast<?> broadcast) {
      into.add(broadcast);
    }
    if (plan instanceof AdaptiveSparkPlanExec adaptive) {
      collect(adaptive.executedPlan(), into);
    } else if (plan instanceof QueryStageExec stage) {
      collect(stage.plan(), into);
    }
    for (SparkPlan child : SparkInternals.list(plan.children())) {
      collect(child, into);
    }
    for (SparkPlan subquery : SparkInternals.list(plan.subqueries())) {
      collect(subquery, into);
    }
  }
}
