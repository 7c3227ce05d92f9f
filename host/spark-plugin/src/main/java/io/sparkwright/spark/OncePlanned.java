package io.sparkwright.spark;

import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.SparkStrategy;
import scala.collection.immutable.Nil$;
import scala.collection.immutable.Seq;

/** Plans nothing. Spark asks it first for the physical plan of a query, and has the optimized one then. */
final class OncePlanned extends SparkStrategy {
  private static final long serialVersionUID = 1;

  @Override
  @SuppressWarnings("unchecked")
  public Seq<SparkPlan> apply(LogicalPlan plan) {
    Steering steering = Steering.current();
    if (steering != null) {
      try {
        steering.kept().optimized();
      } catch (Throwable e) {
        Log.once("remembered", "Sparkwright: a DataFrame goes on with a plan that reads what is kept", e);
        Log.rethrowIfJvmMustSeeIt(e);
      }
    }
    return (Seq<SparkPlan>) (Seq<?>) Nil$.MODULE$;
  }
}
