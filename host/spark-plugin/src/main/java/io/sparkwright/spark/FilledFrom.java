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
 * Frees the broadcasts of the query that filled a cached plan. As long as the plan is cached, Spark keeps each broadcast join's hash table
 * in case a block must be computed again; that is at least one page of memory (up to 64 MiB) for each. Once all partitions are cached, the
 * hash tables are freed. The serialised pieces, as small as the data, stay on the driver, and Spark rebuilds a table from them when a task
 * needs it.
 */
final class FilledFrom {
  private FilledFrom() {}

  /** Frees the hash tables. Waits for tasks that are reading one. */
  static void letGo(SparkContext context, SparkPlan filled) {
    List<Broadcast<?>> broadcasts = new ArrayList<>();
    collect(filled, broadcasts);
    for (Broadcast<?> broadcast : broadcasts) {
      SparkInternals.keepPiecesOnly(context, broadcast);
    }
  }

  /** Broadcasts of query stages that adaptive execution has run already; nothing is run for this. */
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
