package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.columnar.CachedBatch;
import org.apache.spark.sql.execution.columnar.DefaultCachedBatch;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.Decimal;

/**
 * A batch of a kept plan that counts as large as its rows are in a shuffle. Spark plans joins by this size; its own batches count their columns,
 * which is a fraction of that, and a side that is never broadcast without us would be.
 */
final class RowSizedBatch extends DefaultCachedBatch {
  private static final long serialVersionUID = 1L;
  /** What Spark keeps of a column of a batch: least, largest, nulls, count, bytes. */
  private static final int FIGURES = 5;
  private static final int BYTES = 4;

  private final long rowBytes;

  private RowSizedBatch(DefaultCachedBatch batch, long rowBytes) {
    super(batch.numRows(), batch.buffers(), batch.stats());
    this.rowBytes = rowBytes;
  }

  /** The same batches, of these columns. */
  static RDD<CachedBatch> of(RDD<CachedBatch> batches, List<Attribute> columns) {
    List<Attribute> kept = new ArrayList<>(columns);
    return batches.toJavaRDD().map(batch -> (CachedBatch) of((DefaultCachedBatch) batch, kept)).rdd();
  }

  private static RowSizedBatch of(DefaultCachedBatch batch, List<Attribute> columns) {
    return new RowSizedBatch(batch, batch.numRows() * fixedBytes(columns.size()) + variableBytes(batch.stats(), columns));
  }

  @Override
  public long sizeInBytes() {
    return rowBytes;
  }

  /** Of an {@link UnsafeRow}: a bit for each column, in words of eight bytes, and eight bytes for each column. */
  private static long fixedBytes(int columns) {
    return UnsafeRow.calculateBitSetWidthInBytes(columns) + 8L * columns;
  }

  /** What lies behind the eight bytes of each column. */
  private static long variableBytes(InternalRow stats, List<Attribute> columns) {
    long bytes = 0;
    for (int column = 0; column < columns.size(); column++) {
      DataType type = columns.get(column).dataType();
      boolean fixed = UnsafeRow.isFixedLength(type) && !(type instanceof DecimalType decimal && decimal.precision() > Decimal.MAX_LONG_DIGITS());
      bytes += fixed ? 0 : stats.getLong(column * FIGURES + BYTES);
    }
    return bytes;
  }
}
