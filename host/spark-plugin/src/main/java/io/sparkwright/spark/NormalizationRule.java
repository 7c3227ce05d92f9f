package io.sparkwright.spark;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Spark calls this rule for each query, before it looks into its cache and before it optimises. The rule checks what we keep, asks the host,
 * sets the query's confs and keeps sub-plans. It returns the plan with what is kept of it.
 */
final class NormalizationRule extends Rule<LogicalPlan> {
  /** A session conf: with {@code off} the host is not asked about this session's queries, from the next one on. */
  static final String MODE = "spark.sparkwright.mode";

  private final SparkSession session;

  NormalizationRule(SparkSession session) {
    this.session = session;
  }

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    Steering steering = Steering.current();
    if (steering != null && steering.context() == session.sparkContext() && !steering.context().isStopped()) {
      long from = System.nanoTime();
      try {
        return consider(steering, plan);
      } catch (Throwable e) {
        Log.rethrowIfTheUserEndedIt(e);
        Log.once("query", "Sparkwright: a query runs with Spark's own settings, the plugin failed on it", e);
        Log.rethrowIfJvmMustSeeIt(e);
      } finally {
        steering.cost().heldUp(System.nanoTime() - from);
      }
    }
    return plan;
  }

  /** The plan that is to be run: the same, or with what we keep of it. */
  private LogicalPlan consider(Steering steering, LogicalPlan plan) throws InterruptedException {
    if (steering.asks()) {
      steering.confs().reach(Compat.sqlConf(session));
    }
    if (!Steering.isOurs()) {
      steering.confs().anotherPlan();
      steering.kept().anotherPlan();
    }
    boolean asks = steering.asks() && !Steering.isOurs();
    if (!asks && steering.kept().isEmpty()) {
      return plan;
    }
    Purpose purpose = Steering.isOurs() ? Purpose.OTHER : Purpose.ofThisCall(steering);
    asks = asks && purpose.runs() && Purpose.isWorthAsking(plan);
    if (!asks && steering.kept().isEmpty()) {
      return plan;
    }
    SQLConf conf = Compat.sqlConf(session);
    if (asks && conf.getConfString(MODE, "").equals("off")) {
      asks = false;
    }
    Long execution = SparkInternals.executionId(steering.context());
    QueryExecution planned = SparkInternals.queryExecution(execution);
    PlanFacts facts = checked(steering, plan, conf, purpose, planned != null && Compat.isNormalized(planned));
    if (facts == null) {
      return plan;
    }
    if (asks) {
      ask(steering, facts, conf, execution);
    }
    return purpose.runs() ? steering.kept().read(facts, planned) : plan;
  }

  /**
   * The plan's facts. First drops our cached plans that must not be used for it; if that fails, drops them all and returns null.
   *
   * @param another whether it is not the plan of the execution that the thread is in, but one that a command makes as it runs
   */
  private PlanFacts checked(Steering steering, LogicalPlan plan, SQLConf conf, Purpose purpose, boolean another) {
    try {
      long confDigest = steering.confs().digest(Compat.sessionId(session), conf);
      PlanFacts facts = PlanFacts.of(plan, steering.identity(), steering.welcome(), confDigest, choosesPartitions(conf));
      if (Cacheability.refusesBlocks(steering.context().conf())) {
        facts.refuseAll(Cacheability.UNREGISTERED);
      }
      if (another) {
        facts.refuseUnknown();
      }
      AskedColumns.note(facts.root(), purpose.readsAll());
      steering.kept().check(facts, session, purpose == Purpose.USER_CACHES);
      return facts;
    } catch (Exception | StackOverflowError | LinkageError e) {
      Log.once("facts", "Sparkwright: a query runs with Spark's own settings, the plugin can't read its plan", e);
      steering.kept().dropAll(e.toString());
      return null;
    }
  }

  /** Whether Spark decides by itself, while a query runs, how many partitions a shuffle has. */
  private static boolean choosesPartitions(SQLConf conf) {
    return conf.adaptiveExecutionEnabled() && conf.coalesceShufflePartitionsEnabled();
  }

  private void ask(Steering steering, PlanFacts facts, SQLConf conf, Long execution) throws InterruptedException {
    Questions questions = steering.connection().questions();
    if (questions == null) {
      return;
    }
    String sessionId = Compat.sessionId(session);
    var values = steering.confs().values(sessionId, conf);
    JsonNode answer = questions.ask(
        (id, lastTripUs) -> Question.text(id, lastTripUs, sessionId, execution, choosesPartitions(conf), facts, values, steering));
    Map<String, String> confs = new HashMap<>();
    if (answer != null && !answer.has("none")) {
      answer.path("confs").properties().forEach(set -> confs.put(set.getKey(), set.getValue().asText()));
    }
    if (steering.asks()) { // a missed question may just have unsteered the application
      steering.confs().apply(sessionId, conf, confs, execution);
    }
    if (answer != null) {
      answer.path("uncache").forEach(hash -> steering.kept().uncache(hash.asText()));
    }
    keep(steering, facts, answer == null ? Messages.array() : answer.path("cache"));
  }

  /**
   * Keeps the sub-plans that the answer names, with the columns that it names, and more columns of those that are kept already, where the query asks for more. Inner ones
   * first, so that an outer one is computed from them.
   */
  private void keep(Steering steering, PlanFacts facts, JsonNode wanted) {
    Map<String, String> levels = new HashMap<>();
    Map<String, String> columns = new HashMap<>();
    wanted.forEach(one -> {
      levels.put(one.path("hash").asText(), one.path("level").asText());
      columns.put(one.path("hash").asText(), one.path("columns").asText());
    });
    Map<String, List<PlanFacts.Node>> same = new HashMap<>();
    for (PlanFacts.Node node : facts.nodes) {
      same.computeIfAbsent(node.hash, hash -> new ArrayList<>(1)).add(node);
      if (node.cached.equals("ours") && node.kept == null) {
        levels.putIfAbsent(node.hash, steering.kept().level(node.hash));
      }
    }
    List<PlanFacts.Node> nodes = new ArrayList<>(facts.nodes);
    for (int i = nodes.size() - 1; i >= 0; i--) {
      PlanFacts.Node node = nodes.get(i);
      String level = levels.remove(node.hash);
      if (level != null) {
        steering.cost().computed(steering.kept().keep(same.get(node.hash), facts, session, level, columns.getOrDefault(node.hash, "")));
      }
    }
  }
}
