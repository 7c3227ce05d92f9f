package io.sparkwright.spark;

import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.execution.SparkStrategy;
import scala.Function1;
import scala.runtime.BoxedUnit;

/**
 * Adds to each session the plan normalization rule, the rule that checks the optimized plan, and the one that is told of it. The plugin itself
 * adds this class to {@code spark.sql.extensions}.
 */
public final class SparkwrightExtensions implements Function1<SparkSessionExtensions, BoxedUnit> {

  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    Function1<SparkSession, Rule<LogicalPlan>> builder = NormalizationRule::new;
    extensions.injectPlanNormalizationRule(builder);
    Function1<SparkSession, Rule<LogicalPlan>> check = NotKept::new;
    extensions.injectPreCBORule(check);
    Function1<SparkSession, SparkStrategy> after = session -> new OncePlanned();
    extensions.injectPlannerStrategy(after);
    return BoxedUnit.UNIT;
  }
}
