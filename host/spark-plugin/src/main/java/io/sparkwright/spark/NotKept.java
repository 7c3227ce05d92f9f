package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
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
  /** The plan that this thread optimizes, as it is without what is kept. */
  private static final ThreadLocal<LogicalPlan> ITS_OWN = new ThreadLocal<>();

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
          : new Alias(Compat.failing(MESSAGE, column.dataType()), column.name(), column.exprId(), column.qualifier(), Option.empty(), Compat.seq(List.of())));
    }
    return columns;
  }

  /** Notes the plan that is run if the one with what is kept turns out to need more. */
  static void unless(LogicalPlan own) {
    ITS_OWN.set(own);
  }

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    Steering steering = Steering.current();
    if (steering == null || steering.kept().isEmpty() || !isIn(plan)) {
      return plan;
    }
    LogicalPlan own = ITS_OWN.get();
    if (Steering.isOurs() || own == null) {
      throw new IllegalStateException(MESSAGE);
    }
    if (plan.getClass().getSimpleName().equals("Subquery")) {
      return plan; // optimized by itself: the rule sees it again in the plan that holds it
    }
    Log.once("columns", "Sparkwright: a query goes on over its own plan, it needs columns of a kept plan that it was not seen to ask for", null);
    ITS_OWN.remove();
    return Compat.optimized(session, own);
  }

  private static boolean isIn(LogicalPlan plan) {
    return plan.exists(new Test<LogicalPlan>() {
      @Override
      boolean holds(LogicalPlan node) {
        return SparkInternals.list(node.expressions()).stream().anyMatch(expression -> expression.exists(new Test<Expression>() {
          @Override
          boolean holds(Expression part) {
            return part instanceof RaiseError && part.toString().contains(MESSAGE)
                || part instanceof SubqueryExpression subquery && isIn(subquery.plan());
          }
        }));
      }
    });
  }

  private abstract static class Test<T> extends AbstractFunction1<T, Object> {
    abstract boolean holds(T it);

    @Override
    public Object apply(T it) {
      return holds(it);
    }
  }
}
