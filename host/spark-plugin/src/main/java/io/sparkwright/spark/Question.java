package io.sparkwright.spark;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.catalyst.catalog.HiveTableRelation;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Range;
import org.apache.spark.sql.catalyst.plans.logical.Statistics;
import org.apache.spark.sql.catalyst.plans.logical.statsEstimation.EstimationUtils;
import org.apache.spark.sql.execution.LogicalRDD;
import org.apache.spark.sql.execution.datasources.HadoopFsRelation;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import scala.Option;
import scala.collection.Iterator;
import scala.math.BigInt;

/** The question about one query, as a line of the questions connection. */
final class Question {
  private static final JsonFactory JSON = new ObjectMapper().getFactory();
  private final PlanFacts facts;
  private final Welcome welcome;
  private final Map<PlanFacts.Node, Integer> parents = new IdentityHashMap<>();
  private final Map<PlanFacts.Node, List<Expression>> conditionsAbove = new IdentityHashMap<>();

  private Question(PlanFacts facts, Welcome welcome) {
    this.facts = facts;
    this.welcome = welcome;
  }

  static String text(long id, Long lastTripUs, String session, Long execution, boolean adaptive, PlanFacts facts,
      Map<String, SessionConfs.Value> confs, Steering steering) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      json.writeNumberField("ask", id);
      number(json, "last_trip_us", lastTripUs);
      json.writeStringField("session", session);
      number(json, "execution", execution);
      json.writeBooleanField("adaptive", adaptive);
      json.writeNumberField("now_ms", System.currentTimeMillis());
      new Question(facts, steering.welcome()).nodes(json);
      ObjectNode storage = Messages.object();
      Messages.entries(storage.putArray("entries"), steering.storage().entries());
      Messages.executors(storage.putArray("executors"), steering.storage().executors());
      json.writePOJOField("entries", storage.get("entries"));
      json.writePOJOField("executors", storage.get("executors"));
      json.writeObjectFieldStart("confs");
      for (Map.Entry<String, SessionConfs.Value> conf : confs.entrySet()) {
        json.writeObjectFieldStart(conf.getKey());
        json.writeStringField("value", conf.getValue().value());
        json.writeStringField("owner", conf.getValue().owner());
        json.writeEndObject();
      }
      json.writeEndObject();
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }

  private void nodes(JsonGenerator json) throws IOException {
    json.writeArrayFieldStart("nodes");
    int index = 0;
    for (PlanFacts.Node node : facts.nodes) {
      if (index == welcome.nodesAtMost()) {
        break;
      }
      for (PlanFacts.Node child : node.children) {
        parents.put(child, index);
      }
      passConditionsOn(node);
      node(json, node);
      index++;
    }
    json.writeEndArray();
    json.writeBooleanField("truncated", facts.nodes.size() > welcome.nodesAtMost());
  }

  private void node(JsonGenerator json, PlanFacts.Node node) throws IOException {
    LogicalPlan plan = node.plan;
    json.writeStartObject();
    number(json, "parent", parents.get(node) == null ? null : (long) parents.get(node));
    json.writeStringField("operator", plan.getClass().getSimpleName());
    json.writeStringField("hash", node.hash);
    if (node.shape != null) {
      json.writeStringField("shape", node.shape);
      if (node.shuffled && node.whyNot() == null && plan.output().size() <= welcome.columnsAtMost()) {
        json.writeStringField("asked", AskedColumns.text(node.asked, plan.output().size()));
      }
    }
    Statistics statistics = plan.children().isEmpty() ? statistics(plan) : null;
    number(json, "bytes", statistics == null ? null : known(statistics.sizeInBytes(), welcome.unknownAboveBytes()));
    json.writeNumberField("row_bytes", rowBytes(plan));
    number(json, "rows", statistics == null ? null : rows(statistics, welcome.unknownAboveBytes()));
    json.writeStringField("join", plan instanceof Join join ? join(join, node) : null);
    json.writeBooleanField("one_sided", plan instanceof Join join && isOneSided(join));
    json.writeBooleanField("by_partition", node.byPartition);
    json.writeStringField("format", FileRelation.format(FileRelation.of(plan)));
    json.writeStringField("path", path(plan));
    json.writeStringField("why_not", node.whyNot());
    json.writeStringField("cached", node.cached);
    json.writeNumberField("size", node.size);
    json.writeEndObject();
  }

  private static void number(JsonGenerator json, String field, Long value) throws IOException {
    if (value == null) {
      json.writeNullField(field);
    } else {
      json.writeNumberField(field, value);
    }
  }

  /** Only of leaves whose size Spark knows without asking the source again (a JDBC table would be queried for it). */
  private static Statistics statistics(LogicalPlan leaf) {
    boolean cheap = leaf instanceof LogicalRelation || leaf instanceof LocalRelation || leaf instanceof Range
        || leaf instanceof LogicalRDD || leaf instanceof HiveTableRelation;
    return cheap ? leaf.stats() : null;
  }

  /** Spark's number; null when it is so large that it stands for unknown. */
  static Long known(BigInt number, long unknownAbove) {
    return number.compareTo(BigInt.apply(unknownAbove)) > 0 ? null : Long.valueOf(number.toLong());
  }

  /** The number of rows; null where Spark neither counted nor estimated them. */
  static Long rows(Statistics statistics, long unknownAbove) {
    Option<BigInt> rows = statistics.rowCount();
    return rows.isDefined() ? known(rows.get(), unknownAbove) : null;
  }

  private static long rowBytes(LogicalPlan plan) {
    return EstimationUtils.getSizePerRow(plan.output(), EstimationUtils.getSizePerRow$default$2()).toLong();
  }

  private static String path(LogicalPlan plan) {
    HadoopFsRelation files = FileRelation.of(plan);
    if (files == null) {
      return null;
    }
    Iterator<Path> roots = files.location().rootPaths().iterator();
    return roots.hasNext() ? roots.next().toString() : null;
  }

  /**
   * {@code FROM a, b WHERE a.x = b.x} is analysed as a filter above a join without a condition. So conditions of filters above a join count
   * as the join's own if only filters and inner joins are in between.
   */
  private void passConditionsOn(PlanFacts.Node node) {
    List<Expression> above = conditionsAbove.getOrDefault(node, List.of());
    List<Expression> passed;
    if (node.plan instanceof Filter filter) {
      passed = new ArrayList<>(above);
      EquiJoin.split(filter.condition(), passed);
    } else if (node.plan instanceof Join join && isInner(join)) {
      passed = new ArrayList<>(above);
      passed.addAll(EquiJoin.own(join));
    } else {
      return;
    }
    if (!passed.isEmpty()) {
      node.children.forEach(child -> conditionsAbove.put(child, passed));
    }
  }

  private static boolean isInner(Join join) {
    String type = join.joinType().sql();
    return type.equals("INNER") || type.equals("CROSS");
  }

  private String join(Join join, PlanFacts.Node node) {
    List<Expression> conditions = EquiJoin.own(join);
    if (isInner(join)) {
      conditions.addAll(conditionsAbove.getOrDefault(node, List.of()));
    }
    if (conditions.stream().noneMatch(condition -> EquiJoin.joinsSides(condition, join))) {
      return "cross_or_range";
    }
    String type = join.joinType().sql();
    return isInner(join) ? "inner_equi" : type.contains("OUTER") ? "outer_equi" : "semi_equi";
  }

  /** Whether a part of the join's own condition refers to one side only. Spark can then filter that side before the join. */
  private static boolean isOneSided(Join join) {
    return EquiJoin.own(join).stream().map(Expression::references).anyMatch(
        columns -> columns.subsetOf(join.left().outputSet()) || columns.subsetOf(join.right().outputSet()));
  }
}
