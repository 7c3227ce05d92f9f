package io.sparkwright.spark;

import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * The entry point named in {@code spark.plugins}. It runs in the driver only: it sends the driver's events to the Sparkwright host and
 * carries out the host's commands. It decides nothing itself.
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
