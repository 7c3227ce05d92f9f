package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.And;
import org.apache.spark.sql.catalyst.expressions.BinaryComparison;
import org.apache.spark.sql.catalyst.expressions.EqualNullSafe;
import org.apache.spark.sql.catalyst.expressions.EqualTo;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.Join;

/** The conditions of a join: their parts, and which of them make it a join by equal keys. */
final class EquiJoin {
  private EquiJoin() {}

  /** The parts of a condition that must all hold. */
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

  /** The parts of the join's own condition; empty when it has none. */
  static List<Expression> own(Join join) {
    return join.condition().isDefined() ? parts(join.condition().get()) : new ArrayList<>();
  }

  /** Whether {@code condition} says that something of one side equals something of the other. */
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
