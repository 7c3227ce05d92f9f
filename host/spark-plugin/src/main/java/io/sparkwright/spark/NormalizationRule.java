package io.sparkwright.spark;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Spark calls this rule for each query, before it looks into its cache and before it optimises. The rule checks our cached plans, asks the
 * host, sets the query's confs and caches plans. It returns the plan unchanged.
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
        consider(steering, plan);
      } catch (Throwable e) {
        Log.once("query", "Sparkwright: a query runs with Spark's own settings, the plugin failed on it", e);
        Log.rethrowIfJvmMustSeeIt(e);
      } finally {
        steering.cost().heldUp(System.nanoTime() - from);
      }
    }
    return plan;
  }

  private void consider(Steering steering, LogicalPlan plan) throws InterruptedException {
    if (steering.asks()) {
      steering.confs().reach(Compat.sqlConf(session));
    }
    if (!Steering.isOurs()) {
      steering.confs().anotherPlan();
    }
    boolean asks = steering.asks() && !Steering.isOurs();
    if (!asks && steering.entries().isEmpty()) {
      return;
    }
    Purpose purpose = Steering.isOurs() ? Purpose.OTHER : Purpose.ofThisCall(steering);
    asks = asks && purpose == Purpose.QUERY && Purpose.isWorthAsking(plan);
    if (!asks && steering.entries().isEmpty()) {
      return;
    }
    SQLConf conf = Compat.sqlConf(session);
    if (asks && conf.getConfString(MODE, "").equals("off")) {
      asks = false;
    }
    PlanFacts facts = checked(steering, plan, conf, purpose);
    if (asks && facts != null) {
      ask(steering, facts, conf);
    }
  }

  /** The plan's facts. First drops our cached plans that must not be used for it; if that fails, drops them all and returns null. */
  private PlanFacts checked(Steering steering, LogicalPlan plan, SQLConf conf, Purpose purpose) {
    try {
      long confDigest = steering.confs().digest(Compat.sessionId(session), conf);
      PlanFacts facts = PlanFacts.of(plan, steering.identity(), steering.welcome(), confDigest);
      if (Cacheability.refusesBlocks(steering.context().conf())) {
        facts.refuseAll(Cacheability.UNREGISTERED);
      }
      steering.entries().check(facts, session, purpose == Purpose.USER_CACHES);
      return facts;
    } catch (Exception | StackOverflowError | LinkageError e) {
      Log.once("facts", "Sparkwright: a query runs with Spark's own settings, the plugin can't read its plan", e);
      steering.entries().dropAll(session, e.toString());
      return null;
    }
  }

  private void ask(Steering steering, PlanFacts facts, SQLConf conf) throws InterruptedException {
    Questions questions = steering.connection().questions();
    if (questions == null) {
      return;
    }
    Long execution = SparkInternals.executionId(steering.context());
    String sessionId = Compat.sessionId(session);
    var values = steering.confs().values(sessionId, conf);
    JsonNode answer = questions.ask(
        (id, lastTripUs) -> Question.text(id, lastTripUs, sessionId, execution, conf.adaptiveExecutionEnabled(), facts, values, steering));
    Map<String, String> confs = new HashMap<>();
    if (answer != null && !answer.has("none")) {
      answer.path("confs").properties().forEach(set -> confs.put(set.getKey(), set.getValue().asText()));
    }
    if (steering.asks()) { // a missed question may just have unsteered the application
      steering.confs().apply(sessionId, conf, confs, execution);
    }
    if (answer != null) {
      answer.path("uncache").forEach(hash -> steering.entries().uncache(hash.asText(), session));
      cache(steering, facts, answer.path("cache"));
    }
  }

  /** Caches the plans that the answer names, inner ones first, so that an outer one is computed from them. */
  private void cache(Steering steering, PlanFacts facts, JsonNode wanted) {
    if (wanted.isEmpty()) {
      return;
    }
    Map<String, String> levels = new HashMap<>();
    wanted.forEach(one -> levels.put(one.path("hash").asText(), one.path("level").asText()));
    List<PlanFacts.Node> nodes = new ArrayList<>(facts.nodes);
    for (int i = nodes.size() - 1; i >= 0; i--) {
      PlanFacts.Node node = nodes.get(i);
      String level = levels.remove(node.hash);
      if (level != null) {
        steering.confs().inCopies(() -> steering.entries().cache(node, facts, session, level));
      }
    }
  }
}
