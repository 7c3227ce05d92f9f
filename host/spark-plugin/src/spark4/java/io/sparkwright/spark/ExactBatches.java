package io.sparkwright.spark;

import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.columnar.CachedBatch;
import org.apache.spark.sql.execution.columnar.DefaultCachedBatchSerializer;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.storage.StorageLevel;
import scala.Function2;
import scala.collection.Iterator;
import scala.collection.immutable.Seq;

/**
 * Spark's own batches of a cached plan, none of which is left out that a filter may meet ({@link BatchBounds}), and each as large as its rows
 * ({@link RowSizedBatch}). This is the side of Spark 4.
 */
final class ExactBatches extends DefaultCachedBatchSerializer {
  private static final long serialVersionUID = 1L;

  @Override
  public RDD<CachedBatch> convertInternalRowToCachedBatch(
      RDD<InternalRow> rows, Seq<Attribute> columns, StorageLevel level, SQLConf conf) {
    return RowSizedBatch.of(super.convertInternalRowToCachedBatch(rows, columns, level, conf), SparkInternals.list(columns));
  }

  @Override
  public Function2<Object, Iterator<CachedBatch>, Iterator<CachedBatch>> buildFilter(
      Seq<Expression> predicates, Seq<Attribute> columns) {
    return super.buildFilter(Compat.seq(BatchBounds.exact(SparkInternals.list(predicates))), columns);
  }
}
