package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** Where the bounds that Spark keeps of a cached batch are sure to be right: it leaves NaN out of them (SPARK-58482), and has none of nested columns. */
final class BatchBounds {
  private static final Set<DataType> RIGHT = Set.of(
      DataTypes.ByteType, DataTypes.ShortType, DataTypes.IntegerType, DataTypes.LongType, DataTypes.DateType, DataTypes.TimestampType,
      DataTypes.TimestampNTZType, DataTypes.StringType);

  private BatchBounds() {}

  /** The predicates that may leave batches out by their bounds. */
  static List<Expression> exact(List<Expression> predicates) {
    List<Expression> exact = new ArrayList<>();
    for (Expression predicate : predicates) {
      if (SparkInternals.list(predicate.references()).stream().map(Attribute::dataType).allMatch(RIGHT::contains)) {
        exact.add(predicate);
      }
    }
    return exact;
  }
}
