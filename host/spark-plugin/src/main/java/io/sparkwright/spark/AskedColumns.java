package io.sparkwright.spark;

import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.Aggregate;
import org.apache.spark.sql.catalyst.plans.logical.Deduplicate;
import org.apache.spark.sql.catalyst.plans.logical.Expand;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.Generate;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.RebalancePartitions;
import org.apache.spark.sql.catalyst.plans.logical.RepartitionByExpression;
import org.apache.spark.sql.catalyst.plans.logical.Sort;
import org.apache.spark.sql.catalyst.plans.logical.Union;
import org.apache.spark.sql.catalyst.plans.logical.Window;
import scala.collection.Iterator;

/**
 * What a query computes of each of its sub-plans: which columns, and whether all rows. Spark's optimizer prunes the columns that nothing above
 * refers to, and a limit, or a program that stops reading, leaves partitions uncomputed. What is not computed can't fail and costs nothing, so
 * a kept plan has to leave it out too.
 */
final class AskedColumns {
  private AskedColumns() {}

  /**
   * Notes it at each node of a plan.
   *
   * @param whole whether the program reads all rows of the query
   */
  static void note(PlanFacts.Node root, boolean whole) {
    down(root, null, whole);
  }

  /** @param asked ids of the output columns that are asked for; null: all */
  private static void down(PlanFacts.Node node, Set<Long> asked, boolean whole) {
    LogicalPlan plan = node.plan;
    node.asked = positions(plan, asked);
    node.whole = whole;
    boolean below = wholeBelow(plan, whole);
    int inPlan = plan.children().size();
    for (int i = 0; i < node.children.size(); i++) {
      // a subquery may be read in part only: `exists` looks for one row. So may a definition under WITH, where nothing refers to it, or a filter does
      boolean ofPlan = i < inPlan && !(i < inPlan - 1 && plan.getClass().getSimpleName().equals("WithCTE"));
      down(node.children.get(i), i < inPlan ? ofChild(plan, i, asked) : null, ofPlan && below);
    }
  }

  /** Columns as text: how many there are in all, then their positions as bits of words of 64, in hexadecimal. */
  static String text(BitSet columns, int all) {
    StringBuilder text = new StringBuilder().append(all).append(':');
    for (long word : columns.toLongArray()) {
      text.append(HexFormat.of().toHexDigits(word));
    }
    return text.toString();
  }

  /** The columns of such a text; none where it is of a plan with another number of columns, or no such text. */
  static BitSet ofText(String text, int all) {
    String[] parts = text.split(":", -1);
    try {
      if (parts.length == 2 && Integer.parseInt(parts[0]) == all) {
        byte[] bytes = HexFormat.of().parseHex(parts[1]);
        ByteBuffer words = ByteBuffer.wrap(bytes);
        BitSet columns = BitSet.valueOf(LongStream.range(0, bytes.length / Long.BYTES).map(word -> words.getLong()).toArray());
        return columns.length() > all ? new BitSet() : columns;
      }
    } catch (IllegalArgumentException e) {
      Log.debug("Sparkwright: no columns: " + text, e);
    }
    return new BitSet();
  }

  private static BitSet positions(LogicalPlan plan, Set<Long> asked) {
    BitSet found = new BitSet();
    int position = 0;
    for (Iterator<Attribute> it = plan.output().iterator(); it.hasNext(); position++) {
      Attribute column = it.next();
      found.set(position, asked == null || asked.contains(column.exprId().id()));
    }
    return found;
  }

  /** Whether an operator of which `whole` says whether all its rows are read reads all rows of its children. */
  private static boolean wholeBelow(LogicalPlan plan, boolean whole) {
    return switch (plan.getClass().getSimpleName()) {
      case "GlobalLimit", "LocalLimit", "Offset", "Tail" -> false;
      case "Aggregate", "Window", "Distinct", "Deduplicate", "Repartition", "RepartitionByExpression", "RebalancePartitions", "Intersect",
          "Except" -> true;
      case "Sort" -> whole || ((Sort) plan).global();
      default -> whole;
    };
  }

  /** The columns that an operator asks its child for; null: all. */
  private static Set<Long> ofChild(LogicalPlan plan, int child, Set<Long> asked) {
    if (plan instanceof Project project) {
      return referredTo(wanted(SparkInternals.list(project.projectList()), asked));
    }
    if (plan instanceof Aggregate aggregate) {
      Set<Long> columns = referredTo(wanted(SparkInternals.list(aggregate.aggregateExpressions()), asked));
      columns.addAll(referredTo(SparkInternals.list(aggregate.groupingExpressions())));
      return columns;
    }
    if (plan instanceof Join join) {
      Set<Long> output = ids(plan);
      LogicalPlan side = SparkInternals.list(plan.children()).get(child);
      if (asked == null && output.containsAll(ids(side))) {
        return null;
      }
      Set<Long> columns = asked == null ? output : new HashSet<>(asked);
      columns.addAll(referredTo(EquiJoin.own(join)));
      return columns;
    }
    if (plan instanceof Union union) {
      return asked == null ? null : ofInput(union, child, asked);
    }
    if (plan instanceof Expand expand) {
      return ofProjections(expand, asked);
    }
    if (plan instanceof Window window && asked != null) {
      List<NamedExpression> made = wanted(SparkInternals.list(window.windowExpressions()), asked);
      Set<Long> columns = new HashSet<>(asked);
      if (!made.isEmpty()) { // Spark drops a window of which nothing is asked for
        columns.addAll(referredTo(made));
        columns.addAll(referredTo(SparkInternals.list(window.partitionSpec())));
        columns.addAll(referredTo(SparkInternals.list(window.orderSpec())));
      }
      return columns;
    }
    List<? extends Expression> own = passes(plan) ? SparkInternals.list(plan.expressions()) : null;
    if (asked == null || own == null) {
      return null;
    }
    Set<Long> columns = new HashSet<>(asked);
    columns.addAll(referredTo(own));
    return columns;
  }

  /** Whether the columns of an operator are its child's, with some of its own: what it does not refer to itself it hands on unread. */
  private static boolean passes(LogicalPlan plan) {
    return plan instanceof Filter || plan instanceof Sort || plan instanceof Generate || plan instanceof Deduplicate
        || plan instanceof RepartitionByExpression || plan instanceof RebalancePartitions
        || switch (plan.getClass().getSimpleName()) {
          case "GlobalLimit", "LocalLimit", "Offset", "Tail", "SubqueryAlias", "View", "ResolvedHint", "Repartition", "Sample" -> true;
          default -> false;
        };
  }

  private static Set<Long> ofInput(Union union, int child, Set<Long> asked) {
    BitSet wanted = positions(union, asked);
    Set<Long> columns = new HashSet<>();
    int position = 0;
    for (Iterator<Attribute> it = SparkInternals.list(union.children()).get(child).output().iterator(); it.hasNext(); position++) {
      Attribute column = it.next();
      if (wanted.get(position)) {
        columns.add(column.exprId().id());
      }
    }
    return columns;
  }

  private static Set<Long> ofProjections(Expand expand, Set<Long> asked) {
    BitSet wanted = positions(expand, asked);
    Set<Long> columns = new HashSet<>();
    for (Iterator<? extends scala.collection.Seq<Expression>> it = expand.projections().iterator(); it.hasNext(); ) {
      List<Expression> projection = SparkInternals.list(it.next());
      columns.addAll(referredTo(wanted.stream().mapToObj(projection::get).toList()));
    }
    return columns;
  }

  private static List<NamedExpression> wanted(List<NamedExpression> made, Set<Long> asked) {
    return made.stream().filter(one -> asked == null || asked.contains(one.exprId().id())).toList();
  }

  private static Set<Long> referredTo(List<?> expressions) {
    Set<Long> columns = new HashSet<>();
    for (Object expression : expressions) {
      for (Iterator<Attribute> it = ((Expression) expression).references().iterator(); it.hasNext(); ) {
        columns.add(it.next().exprId().id());
      }
    }
    return columns;
  }

  private static Set<Long> ids(LogicalPlan plan) {
    Set<Long> columns = new HashSet<>();
    for (Iterator<Attribute> it = plan.output().iterator(); it.hasNext(); ) {
      columns.add(it.next().exprId().id());
    }
    return columns;
  }
}
