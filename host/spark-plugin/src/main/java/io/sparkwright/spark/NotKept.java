package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.RaiseError;
import org.apache.spark.sql.catalyst.expressions.SubqueryExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import scala.Option;
import scala.runtime.AbstractFunction1;

/**
 * The columns of a sub-plan that are not kept of it, in a query that asks for none of them. A plan refers to them on their way up until Spark's
 * optimizer has pruned them, so they stand there as columns that can't be computed. This rule looks at the optimized plan: where one is left,
 * {@link AskedColumns} and the optimizer don't agree on what the query asks for, and the query gets its own plan back.
 */
final class NotKept extends Rule<LogicalPlan> {
  private static final String MESSAGE = "Sparkwright: this column is not kept";
  private static final Pattern IN_PLAN = Pattern.compile(MESSAGE + " \\((\\d+)\\)");
  /** The plans that are optimized at present, as they are without what is kept, by the number that their columns name. */
  private static final Map<Long, LogicalPlan> OWN = Collections.synchronizedMap(new Remembered());
  private static final AtomicLong NUMBERS = new AtomicLong();
  /** The number of the plan that this thread put together last. */
  private static final ThreadLocal<Long> NUMBER = ThreadLocal.withInitial(() -> 0L);

  private static final class Remembered extends LinkedHashMap<Long, LogicalPlan> {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<Long, LogicalPlan> eldest) {
      return size() > WithoutHost.OWN_PLANS;
    }
  }

  private final SparkSession session;

  NotKept(SparkSession session) {
    this.session = session;
  }

  /** All columns of a plan, of which those at some positions are kept. */
  static List<NamedExpression> filledUp(LogicalPlan plan, BitSet kept) {
    List<NamedExpression> columns = new ArrayList<>();
    for (Attribute column : SparkInternals.list(plan.output())) {
      columns.add(kept.get(columns.size())
          ? column
          : new Alias(Compat.failing(MESSAGE + " (" + NUMBER.get() + ")", column.dataType()), column.name(), column.exprId(), column.qualifier(), Option.empty(), Compat.seq(List.of())));
    }
    return columns;
  }

  /**
   * Puts a plan together of what is kept.
   *
   * @param own the plan that is run if it turns out to need more; null: nothing is, what needs more fails
   */
  static LogicalPlan insteadOf(LogicalPlan own, Supplier<LogicalPlan> kept) {
    long number = NUMBERS.incrementAndGet();
    NUMBER.set(number);
    LogicalPlan plan = kept.get();
    if (own != null && plan != own) {
      OWN.put(number, own);
    }
    return plan;
  }

  /** Called when Spark has optimized the plan that this thread put together. */
  static void optimized() {
    OWN.remove(NUMBER.get());
  }

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    Steering steering = Steering.current();
    Long number = steering == null || steering.kept().isEmpty() ? null : number(plan);
    if (number == null) {
      return plan;
    }
    LogicalPlan own = OWN.get(number);
    if (own == null && Steering.isOurs()) {
      throw new IllegalStateException(MESSAGE); // while an entry is filled: it is dropped
    }
    if (own == null) {
      return plan;
    }
    if (plan.getClass().getSimpleName().equals("Subquery")) {
      return plan; // optimized by itself: the rule sees it again in the plan that holds it
    }
    Log.once("columns", "Sparkwright: a query goes on over its own plan, it needs columns of a kept plan that it was not seen to ask for", null);
    OWN.remove(number);
    return Steering.unasked(() -> Compat.planning(session, own).optimizedPlan());
  }

  /** The number of the plan that a column belongs to which is not kept and which is still asked for; null: there is no such column. */
  private static Long number(LogicalPlan plan) {
    AtomicReference<Long> found = new AtomicReference<>();
    plan.exists(new Test<LogicalPlan>() {
      @Override
      boolean holds(LogicalPlan node) {
        return SparkInternals.list(node.expressions()).stream().anyMatch(expression -> expression.exists(new Test<Expression>() {
          @Override
          boolean holds(Expression part) {
            if (part instanceof RaiseError) {
              Matcher message = IN_PLAN.matcher(part.toString());
              found.compareAndSet(null, message.find() ? Long.valueOf(message.group(1)) : null);
            } else if (part instanceof SubqueryExpression subquery) {
              found.compareAndSet(null, number(subquery.plan()));
            }
            return found.get() != null;
          }
        }));
      }
    });
    return found.get();
  }

  private abstract static class Test<T> extends AbstractFunction1<T, Object> {
    abstract boolean holds(T it);

    @Override
    public Object apply(T it) {
      return holds(it);
    }
  }
}
