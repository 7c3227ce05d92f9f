package io.sparkwright.spark;

import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.ExprId;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.LambdaFunction;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.NamedLambdaVariable;
import org.apache.spark.sql.catalyst.expressions.RuntimeReplaceable;
import org.apache.spark.sql.catalyst.expressions.SubqueryExpression;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.catalyst.plans.logical.View;
import org.apache.spark.sql.execution.datasources.InMemoryFileIndex;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.ObjectType;
import org.apache.spark.unsafe.types.UTF8String;
import scala.Option;
import scala.Product;
import scala.collection.Iterator;

/**
 * A 64-bit hash of a plan's result, computed bottom up in one walk over its expressions. A column is hashed by its origin, not by its
 * expression id, so the same query built again has the same hash. Spark's own {@code semanticHash} has 32 bits, needs the canonical plan
 * (tens of milliseconds for wide plans) and reads every row of a local relation. The hash serves as a name only: Spark's {@code sameResult}
 * decides whether two plans are the same.
 *
 * <p>A hash of a plan's <em>shape</em> leaves out what differs from day to day: values of literals, numbers of operators, the files and rows of
 * sources, digits in their paths. Tomorrow's run of a job has the same shapes.
 */
final class PlanHash {
  /** Called with each expression before it is hashed, and with each subquery's plan. */
  interface Visitor {
    void expression(Expression expression);

    void subquery(LogicalPlan plan);
  }

  private static final long RIGHT_SIDE = 0x5249474854L;
  private static final long NOTHING = 0x4e554c4cL;
  private static final long NUMBER = 0x4e554d424552L;
  private static final Pattern DIGITS = Pattern.compile("[0-9]+");
  private static final WeakIdentityMap<Object, Integer> ROWS = new WeakIdentityMap<>();
  private static final ClassValue<Long> CLASS_HASH = new ClassValue<>() {
    @Override
    protected Long computeValue(Class<?> type) {
      return Mix.of(type.getName());
    }
  };

  private final Visitor visitor;
  private final boolean shape;
  private final Map<LogicalPlan, Long> plans = new IdentityHashMap<>();
  /** From a column's expression id to the hash of its origin. */
  private final Map<Long, Long> origins = new HashMap<>();
  /** Names that an operator's expressions give to parts of theirs, by their order. */
  private final Map<Object, Long> common = new HashMap<>();
  /** Lambda functions around the expression that is hashed now. */
  private int lambdas;

  PlanHash(Visitor visitor) {
    this(visitor, false);
  }

  private PlanHash(Visitor visitor, boolean shape) {
    this.visitor = visitor;
    this.shape = shape;
  }

  /** Hashes shapes. Subqueries of the plans must have been hashed before, as their children. */
  static PlanHash ofShapes() {
    return new PlanHash(new Visitor() {
      @Override
      public void expression(Expression expression) {}

      @Override
      public void subquery(LogicalPlan plan) {}
    }, true);
  }

  /** The hash of a plan; its children must have been hashed before. */
  long of(LogicalPlan plan) {
    common.clear();
    long hash = CLASS_HASH.get(plan.getClass());
    boolean leaf = plan.children().isEmpty();
    if (plan instanceof LogicalRelation relation) {
      hash = Mix.with(hash, shape ? lasting(relation) : relation.relation().hashCode());
    } else if (plan instanceof LocalRelation local) {
      hash = Mix.with(hash, shape ? 0 : rowsHash(local.data()));
    } else if (plan instanceof SubqueryAlias || plan instanceof View) {
      // only the query of a view counts: one that is made again has another name or creation time and the same rows
      hash = Mix.with(hash, plans.get(plan.children().head()));
    } else {
      if (plan instanceof Join join) {
        tellSidesApart(join);
      }
      for (Iterator<Object> it = plan.productIterator(); it.hasNext(); ) {
        hash = Mix.with(hash, argument(it.next()));
      }
    }
    if (leaf) {
      for (Iterator<Attribute> it = plan.output().iterator(); it.hasNext(); ) {
        Attribute column = it.next();
        hash = Mix.with(Mix.with(hash, Mix.of(column.name())), column.dataType().hashCode());
      }
    }
    plans.put(plan, hash);
    if (leaf || !passesOn(plan)) {
      nameColumns(plan, hash);
    }
    return hash;
  }

  /** What lasts of a source from day to day: its table's name, else its format and its paths without digits. */
  private static long lasting(LogicalRelation relation) {
    if (relation.catalogTable().isDefined()) {
      return Mix.of(relation.catalogTable().get().identifier().unquotedString());
    }
    long hash = Mix.of(String.valueOf(FileRelation.format(FileRelation.of(relation))));
    InMemoryFileIndex index = Cacheability.files(relation);
    if (index != null) {
      Set<String> paths = new HashSet<>(); // in any order, as Spark compares them; a month's days are one
      for (Path path : SparkInternals.list(index.rootPaths())) {
        paths.add(DIGITS.matcher(path.toString()).replaceAll(""));
      }
      for (String path : paths) {
        hash += Mix.of(path);
      }
    }
    return hash;
  }

  /** Whether each output column is one of the children's columns, whose origin is known, or an alias. */
  private static boolean passesOn(LogicalPlan plan) {
    return switch (plan.getClass().getSimpleName()) {
      case "Project", "Filter", "Aggregate", "Join", "Sort", "SubqueryAlias", "Distinct", "Deduplicate", "GlobalLimit",
          "LocalLimit", "ResolvedHint", "Repartition", "RepartitionByExpression", "Window" -> true;
      default -> false;
    };
  }

  private void nameColumns(LogicalPlan plan, long hash) {
    int position = 0;
    for (Iterator<Attribute> it = plan.output().iterator(); it.hasNext(); position++) {
      origins.putIfAbsent(it.next().exprId().id(), Mix.with(hash, position));
    }
  }

  /**
   * Gives the right side's columns an origin of their own: in a self-join both sides have the same one. What they are joined to is part of it,
   * since a table may be joined a third time.
   */
  private void tellSidesApart(Join join) {
    Long left = plans.get(join.left());
    long side = Mix.with(RIGHT_SIDE, left == null ? 0 : left);
    for (Iterator<Attribute> it = join.right().output().iterator(); it.hasNext(); ) {
      origins.computeIfPresent(it.next().exprId().id(), (id, origin) -> Mix.with(origin, side));
    }
  }

  private long argument(Object argument) {
    if (argument instanceof ExprId || argument instanceof AtomicReference) {
      return 0; // differs each time the plan is built
    }
    if (argument == null) {
      return NOTHING;
    }
    if (argument.getClass().getSimpleName().equals("CommonExpressionId")) { // Spark 4's `BETWEEN` has one from a counter
      return common.computeIfAbsent(argument, id -> (long) common.size());
    }
    if (argument instanceof Expression expression) {
      return expression(expression);
    }
    if (argument instanceof LogicalPlan plan) {
      Long known = plans.get(plan);
      return known == null ? CLASS_HASH.get(plan.getClass()) : known;
    }
    if (argument instanceof DataType) {
      return argument.hashCode();
    }
    if (argument instanceof String || argument instanceof UTF8String || argument instanceof Decimal) {
      return Mix.of(argument.toString());
    }
    if (shape && argument instanceof Number) {
      return NUMBER;
    }
    if (argument instanceof Class<?> type) {
      return CLASS_HASH.get(type); // its own is another one in each JVM
    }
    if (argument instanceof ObjectType type) {
      return CLASS_HASH.get(type.cls());
    }
    if (argument instanceof Long number) {
      return Mix.with(NUMBER, number); // Java's hash of a long is that of its complement
    }
    if (argument instanceof Double || argument instanceof Float) {
      return Mix.with(NUMBER, Double.doubleToRawLongBits(((Number) argument).doubleValue()));
    }
    if (argument instanceof byte[] bytes) {
      return Mix.with(NUMBER, Arrays.hashCode(bytes));
    }
    if (argument instanceof Option<?> option) {
      return option.isDefined() ? Mix.with(1, argument(option.get())) : 0;
    }
    if (argument instanceof scala.collection.Seq<?> items) {
      long hash = 2;
      long before = 0;
      for (Iterator<?> it = items.iterator(); it.hasNext(); ) {
        long item = argument(it.next());
        // a list of values may be longer tomorrow
        hash = shape && item == before ? hash : Mix.with(hash, item);
        before = item;
      }
      return hash;
    }
    if (argument instanceof scala.collection.Iterable<?> items) {
      long hash = 3; // sets and maps have no order
      for (Iterator<?> it = items.iterator(); it.hasNext(); ) {
        hash += Mix.with(3, argument(it.next()));
      }
      return hash;
    }
    if (argument instanceof Product tuple && tuple.getClass().getName().startsWith("scala.Tuple")) {
      return arguments(4, tuple);
    }
    return argument instanceof Enum<?> constant ? Mix.of(constant.name()) : argument.hashCode();
  }

  private long arguments(long hash, Product product) {
    long mixed = hash;
    for (Iterator<Object> it = product.productIterator(); it.hasNext(); ) {
      mixed = Mix.with(mixed, argument(it.next()));
    }
    return mixed;
  }

  private long expression(Expression expression) {
    if (expression instanceof AttributeReference column) {
      Long origin = origins.get(column.exprId().id());
      return origin == null ? Mix.with(Mix.of(column.name()), column.dataType().hashCode()) : origin;
    }
    visitor.expression(expression);
    if (shape && expression instanceof Literal) {
      return Mix.with(CLASS_HASH.get(expression.getClass()), argument(expression.dataType()));
    }
    if (expression instanceof Alias alias) {
      long hash = expression(alias.child());
      origins.put(alias.exprId().id(), Mix.with(hash, 5));
      return hash;
    }
    if (expression instanceof NamedLambdaVariable variable) {
      // its name holds a counter that differs at each use
      return Mix.with(variable.dataType().hashCode(), origins.getOrDefault(variable.exprId().id(), 0L));
    }
    if (expression instanceof LambdaFunction lambda) {
      lambdas++;
      int position = 0;
      for (NamedExpression variable : SparkInternals.list(lambda.arguments())) {
        origins.put(variable.exprId().id(), Mix.with(lambdas, position++));
      }
      long hash = arguments(CLASS_HASH.get(expression.getClass()), lambda);
      lambdas--;
      return hash;
    }
    if (expression instanceof RuntimeReplaceable function) {
      // what it is made of: its own arguments stand in there once more, and a nested one would be walked 2^depth times
      return Mix.with(CLASS_HASH.get(expression.getClass()), expression(function.replacement()));
    }
    if (expression instanceof SubqueryExpression subquery) {
      visitor.subquery(subquery.plan());
    }
    return arguments(CLASS_HASH.get(expression.getClass()), (Product) expression);
  }

  private static int rowsHash(Object rows) {
    Integer known = ROWS.get(rows);
    if (known == null) {
      known = rows.hashCode();
      ROWS.put(rows, known);
    }
    return known;
  }
}
