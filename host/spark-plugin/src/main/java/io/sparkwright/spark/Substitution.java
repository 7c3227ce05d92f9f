package io.sparkwright.spark;

import java.util.IdentityHashMap;
import java.util.Map;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.SubqueryExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import scala.Function1;
import scala.runtime.AbstractPartialFunction;

/** Puts kept plans in the place of the sub-plans that they are, the outermost first; what the user cached stays as it is. */
final class Substitution {
  private final Map<LogicalPlan, PlanFacts.Node> nodes = new IdentityHashMap<>();
  /** Plans that stay: one object may stand in a query twice, and be asked for more columns in one place than are kept. */
  private final Map<LogicalPlan, Boolean> staying = new IdentityHashMap<>();
  private boolean inSubqueries;

  private Substitution(PlanFacts.Node top, boolean including) {
    if (including) {
      collect(top);
    } else {
      collectBelow(top);
    }
    nodes.keySet().removeIf(staying::containsKey);
  }

  /** The plan of a node with what is kept of it. {@code top} itself is replaced only if {@code including}. */
  static LogicalPlan of(PlanFacts.Node top, boolean including) {
    Substitution substitution = new Substitution(top, including);
    return substitution.nodes.isEmpty() ? top.plan : substitution.in(top.plan);
  }

  private void collect(PlanFacts.Node node) {
    if (node.kept != null || node.cached.equals("user")) {
      PlanFacts.Node before = nodes.put(node.plan, node);
      if (before != null && before.kept != node.kept) {
        staying.put(node.plan, true);
      }
      return;
    }
    staying.put(node.plan, true);
    collectBelow(node);
  }

  private void collectBelow(PlanFacts.Node node) {
    int inPlan = node.plan.children().size();
    for (int i = 0; i < node.children.size(); i++) {
      int before = nodes.size();
      collect(node.children.get(i));
      inSubqueries |= i >= inPlan && nodes.size() > before;
    }
  }

  private LogicalPlan in(LogicalPlan plan) {
    LogicalPlan replaced = plan.transformDown(new Known());
    return inSubqueries ? replaced.transformAllExpressions(new InSubquery()) : replaced;
  }

  private final class Known extends AbstractPartialFunction<LogicalPlan, LogicalPlan> {
    @Override
    public boolean isDefinedAt(LogicalPlan plan) {
      return nodes.containsKey(plan);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <A extends LogicalPlan, B> B applyOrElse(A plan, Function1<A, B> otherwise) {
      PlanFacts.Node node = nodes.get(plan);
      if (node == null) {
        return otherwise.apply(plan);
      }
      return (B) (node.kept == null ? plan : node.kept.insteadOf(plan));
    }
  }

  private final class InSubquery extends AbstractPartialFunction<Expression, Expression> {
    @Override
    public boolean isDefinedAt(Expression expression) {
      return expression instanceof SubqueryExpression;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <A extends Expression, B> B applyOrElse(A expression, Function1<A, B> otherwise) {
      return expression instanceof SubqueryExpression subquery
          ? (B) subquery.withNewPlan(in(subquery.plan()))
          : otherwise.apply(expression);
    }
  }
}
