package io.sparkwright.spark;

import java.util.List;
import org.apache.spark.Dependency;
import org.apache.spark.OneToOneDependency;
import org.apache.spark.Partition;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.SQLExecutionRDD;
import scala.collection.Iterator;
import scala.collection.Seq;
import scala.reflect.ClassTag$;

/** The rows of a query, of which no RDD is made before somebody asks for one. */
final class LaterRdd extends RDD<InternalRow> {
  private static final long serialVersionUID = 1;

  private final transient QueryExecution execution;
  private final transient Runnable before;
  private transient RDD<InternalRow> made;

  /** @param before is done before the RDD is made */
  LaterRdd(QueryExecution execution, Runnable before) {
    super(execution.sparkSession().sparkContext(), Compat.seq(List.of()), ClassTag$.MODULE$.apply(InternalRow.class));
    this.execution = execution;
    this.before = before;
  }

  private synchronized RDD<InternalRow> made() {
    if (made == null) {
      before.run();
      made = new SQLExecutionRDD(execution.executedPlan().execute(), Compat.sqlConf(execution.sparkSession()));
    }
    return made;
  }

  @Override
  public Seq<Dependency<?>> getDependencies() {
    return Compat.seq(List.of(new OneToOneDependency<>(made())));
  }

  @Override
  public Partition[] getPartitions() {
    return made().partitions();
  }

  @Override
  public Iterator<InternalRow> compute(Partition split, TaskContext context) {
    return this.<InternalRow>firstParent(ClassTag$.MODULE$.apply(InternalRow.class)).iterator(split, context);
  }
}
