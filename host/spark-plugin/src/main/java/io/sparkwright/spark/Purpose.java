package io.sparkwright.spark;

import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.catalyst.plans.logical.Command;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.OneRowRelation;

/** Why Spark normalises a plan. Known from the call stack only: Spark also runs the rule to explain a plan and to look into its cache. */
enum Purpose {
  /** To run it, and to read all of its rows. */
  QUERY,
  /** To run it, and to read rows until the program has enough. */
  ITERATION,
  /** The user is caching this plan. */
  USER_CACHES,
  /**
   * To explain it, to look it up in the cache, for a streaming query, or for an RDD that the program holds: it has the partitions that it would
   * have, and nobody knows which of its rows are read, how often, and when.
   */
  OTHER;

  private static final String CACHE_MANAGER = "org.apache.spark.sql.execution.CacheManager";
  private static final String QUERY_EXECUTION = "org.apache.spark.sql.execution.QueryExecution";
  private static final String EXPLAIN_COMMAND = "org.apache.spark.sql.execution.command.ExplainCommand";
  /** Who plans for an RDD of its own, and then reads all rows. */
  private static final List<String> SERVERS = List.of("org.apache.spark.sql.connect.", "org.apache.spark.sql.hive.thriftserver.");
  private static final String ML = "org.apache.spark.ml.";
  /** What MLlib's algorithms share: it works for whoever calls it. */
  private static final String ML_TOOLS = ML + "util.";
  /**
   * What of MLlib does so, and sums over rows. The rest draws by partition (trees, clusters, ALS, sampled gradients) or bins by it (areas below
   * curves), so its results would be others.
   */
  private static final Set<String> SUMS = Set.of(
      "classification.LogisticRegression", "classification.LinearSVC", "classification.NaiveBayes", "regression.LinearRegression",
      "regression.GeneralizedLinearRegression", "regression.AFTSurvivalRegression", "evaluation.RegressionEvaluator",
      "evaluation.MulticlassClassificationEvaluator", "evaluation.MultilabelClassificationEvaluator");
  private static final Set<String> ITERATES = Set.of("toLocalIterator", "toPythonIterator");

  /** Whether it is run as it is planned now: the host is asked, and kept plans are read. */
  boolean runs() {
    return this == QUERY || this == ITERATION;
  }

  /** Whether all rows are read. */
  boolean readsAll() {
    return this == QUERY;
  }

  static Purpose ofThisCall(Steering steering) {
    SparkContext context = steering.context();
    if (SparkInternals.inStreamingQuery(context)) {
      return OTHER;
    }
    // Spark also explains each query that it runs, for the event of its start; the thread is in an execution then
    boolean inExecution = SparkInternals.executionId(context) != null;
    return StackWalker.getInstance().walk(
        frames -> of(frames.limit(steering.welcome().stackFramesAtMost()).iterator(), inExecution));
  }

  /** @param frames from the innermost one */
  private static Purpose of(Iterator<StackWalker.StackFrame> frames, boolean inExecution) {
    boolean heldOnTo = !inExecution;
    while (frames.hasNext()) {
      StackWalker.StackFrame frame = frames.next();
      String type = frame.getClassName();
      String method = frame.getMethodName();
      if (type.equals(CACHE_MANAGER)) {
        return method.startsWith("cacheQuery") ? USER_CACHES : OTHER;
      }
      if (type.equals(EXPLAIN_COMMAND) || !inExecution && type.equals(QUERY_EXECUTION) && method.contains("xplainString")) {
        return OTHER;
      }
      if (type.endsWith(".Dataset")) {
        if (inExecution && ITERATES.contains(method)) {
          return ITERATION;
        }
        heldOnTo |= method.contains("rdd") || method.contains("Rdd") || method.contains("RDD") || method.contains("heckpoint");
      } else if (heldOnTo && type.startsWith(ML) && !type.startsWith(ML_TOOLS)) {
        // who makes the RDD says what becomes of it, not who calls that: an algorithm that sums may leave a summary that bins, and holds it
        return isSum(type) ? QUERY : OTHER;
      } else if (heldOnTo && SERVERS.stream().anyMatch(type::startsWith)) {
        return QUERY;
      }
    }
    return heldOnTo ? OTHER : QUERY;
  }

  private static boolean isSum(String type) {
    return SUMS.contains(type.substring(ML.length()));
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
    for (scala.collection.Iterator<LogicalPlan> it = plan.children().iterator(); it.hasNext(); ) {
      if (readsSomething(it.next(), localCounts)) {
        return true;
      }
    }
    return false;
  }
}
