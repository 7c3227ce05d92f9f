package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.And;
import org.apache.spark.sql.catalyst.expressions.BinaryComparison;
import org.apache.spark.sql.catalyst.expressions.EqualNullSafe;
import org.apache.spark.sql.catalyst.expressions.EqualTo;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.Join;

/** The conjuncts of a join condition, and which of them make the join an equi-join. */
final class EquiJoin {
  private EquiJoin() {}

  /** The conjuncts of a condition. */
  static List<Expression> parts(Expression condition) {
    List<Expression> parts = new ArrayList<>();
    split(condition, parts);
    return parts;
  }

  static void split(Expression condition, List<Expression> into) {
    if (condition instanceof And and) {
      split(and.left(), into);
      split(and.right(), into);
    } else {
      into.add(condition);
    }
  }

  /** The conjuncts of the join's own condition; empty when it has none. */
  static List<Expression> own(Join join) {
    return join.condition().isDefined() ? parts(join.condition().get()) : new ArrayList<>();
  }

  /** Whether {@code condition} is an equality between an expression of one side and an expression of the other. */
  static boolean joinsSides(Expression condition, Join join) {
    if (!(condition instanceof EqualTo || condition instanceof EqualNullSafe)) {
      return false;
    }
    BinaryComparison equal = (BinaryComparison) condition;
    var one = equal.left().references();
    var other = equal.right().references();
    if (one.isEmpty() || other.isEmpty()) {
      return false;
    }
    var left = join.left().outputSet();
    var right = join.right().outputSet();
    return one.subsetOf(left) && other.subsetOf(right) || one.subsetOf(right) && other.subsetOf(left);
  }
}
