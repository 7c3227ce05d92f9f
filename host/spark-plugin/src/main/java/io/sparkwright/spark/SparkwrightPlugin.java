package io.sparkwright.spark;

import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * The entry point named in {@code spark.plugins}. Everything happens in the driver: it reports what the driver sees and
 * obeys the Sparkwright host; it decides nothing.
 */
public final class SparkwrightPlugin implements SparkPlugin {

  @Override
  public DriverPlugin driverPlugin() {
    return new SparkwrightDriver();
  }

  /** Nothing of ours runs in executors. */
  @Override
  public ExecutorPlugin executorPlugin() {
    return null;
  }
}
