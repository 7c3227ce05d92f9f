package io.sparkwright.spark;

import java.util.Set;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.catalyst.plans.logical.Command;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.OneRowRelation;
import scala.collection.Iterator;

/** Why Spark normalises a plan. Known from the call stack only: Spark also runs the rule to explain a plan and to look into its cache. */
enum Purpose {
  /** To run it. */
  QUERY,
  /** The user is caching this plan. */
  USER_CACHES,
  /** To explain it, to look it up in the cache, for a streaming query, or for anything else that is not asked about. */
  OTHER;

  private static final String CACHE_MANAGER = "org.apache.spark.sql.execution.CacheManager";
  private static final String QUERY_EXECUTION = "org.apache.spark.sql.execution.QueryExecution";
  private static final String EXPLAIN_COMMAND = "org.apache.spark.sql.execution.command.ExplainCommand";
  static Purpose ofThisCall(Steering steering) {
    SparkContext context = steering.context();
    if (SparkInternals.inStreamingQuery(context)) {
      return OTHER;
    }
    // Spark also explains each query that it runs, for the event of its start; the thread is in an execution then
    boolean inExecution = SparkInternals.executionId(context) != null;
    return StackWalker.getInstance().walk(frames -> frames.limit(steering.welcome().stackFramesAtMost())
        .map(frame -> ofFrame(frame.getClassName(), frame.getMethodName(), inExecution))
        .filter(purpose -> purpose != QUERY)
        .findFirst()
        .orElse(QUERY));
  }

  private static Purpose ofFrame(String type, String method, boolean inExecution) {
    if (type.equals(CACHE_MANAGER)) {
      return method.startsWith("cacheQuery") ? USER_CACHES : OTHER;
    }
    boolean explains = type.equals(EXPLAIN_COMMAND)
        || !inExecution && type.equals(QUERY_EXECUTION) && method.contains("xplainString");
    return explains ? OTHER : QUERY;
  }

  private static final Set<String> NO_JOB = Set.of("Project", "Filter", "GlobalLimit", "LocalLimit", "SubqueryAlias", "View");

  /** False for streaming plans, commands that read nothing, and queries that Spark answers from the plan itself. */
  static boolean isWorthAsking(LogicalPlan plan) {
    return !plan.isStreaming() && readsSomething(plan, !(plan instanceof Command));
  }

  private static boolean readsSomething(LogicalPlan plan, boolean localCounts) {
    String name = plan.getClass().getSimpleName();
    if (plan.children().isEmpty()) {
      if (plan instanceof OneRowRelation || plan instanceof LocalRelation) {
        return false;
      }
      return !(plan instanceof Command || name.equals("CommandResult")
          || name.startsWith("Resolved") || name.startsWith("Unresolved"));
    }
    if (localCounts && !NO_JOB.contains(name)) {
      return true;
    }
    for (Iterator<LogicalPlan> it = plan.children().iterator(); it.hasNext(); ) {
      if (readsSomething(it.next(), localCounts)) {
        return true;
      }
    }
    return false;
  }
}
