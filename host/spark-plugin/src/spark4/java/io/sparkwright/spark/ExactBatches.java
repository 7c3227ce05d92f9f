package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.columnar.CachedBatch;
import org.apache.spark.sql.execution.columnar.DefaultCachedBatch;
import org.apache.spark.sql.execution.columnar.DefaultCachedBatchSerializer;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.storage.StorageLevel;
import scala.Function2;
import scala.collection.Iterator;
import scala.collection.immutable.Seq;

/**
 * Spark's own batches of a cached plan, none of which is left out that a filter may meet, and each as large as its rows. A filter looks at the
 * bounds of a batch only where they are sure to be right: Spark leaves NaN out of them (SPARK-58482), and has none of nested columns. This is the
 * side of Spark 4.
 */
final class ExactBatches extends DefaultCachedBatchSerializer {
  private static final long serialVersionUID = 1L;
  private static final Set<DataType> BOUNDED = Set.of(
      DataTypes.ByteType, DataTypes.ShortType, DataTypes.IntegerType, DataTypes.LongType, DataTypes.DateType, DataTypes.TimestampType,
      DataTypes.TimestampNTZType, DataTypes.StringType);

  @Override
  public RDD<CachedBatch> convertInternalRowToCachedBatch(
      RDD<InternalRow> rows, Seq<Attribute> columns, StorageLevel level, SQLConf conf) {
    List<Attribute> kept = new ArrayList<>(SparkInternals.list(columns));
    return super.convertInternalRowToCachedBatch(rows, columns, level, conf).toJavaRDD()
        .map(batch -> (CachedBatch) RowSizedBatch.of((DefaultCachedBatch) batch, kept)).rdd();
  }

  @Override
  public Function2<Object, Iterator<CachedBatch>, Iterator<CachedBatch>> buildFilter(
      Seq<Expression> predicates, Seq<Attribute> columns) {
    List<Expression> exact = new ArrayList<>();
    for (Expression predicate : SparkInternals.list(predicates)) {
      if (SparkInternals.list(predicate.references()).stream().map(Attribute::dataType).allMatch(BOUNDED::contains)) {
        exact.add(predicate);
      }
    }
    return super.buildFilter(Compat.seq(exact), columns);
  }
}
