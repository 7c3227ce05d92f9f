package io.sparkwright.spark;

import java.util.Collections;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.PluginContext;

/** Ties Sparkwright to the life of one SparkContext. Nothing that goes wrong here may stop the application. */
final class SparkwrightDriver implements DriverPlugin {
  private static final String EXTENSIONS_KEY = "spark.sql.extensions";

  private volatile Steering steering;

  /**
   * Runs before the scheduler and any session exist: the right moment to add our session extension (so that the user needs
   * only {@code spark.jars} and {@code spark.plugins}) and to start listening (so that no event is missed).
   */
  @Override
  public Map<String, String> init(SparkContext context, PluginContext plugin) {
    try {
      addExtension(plugin.conf());
      Steering fresh = new Steering(context, plugin.conf());
      fresh.listen();
      fresh.launch();
      steering = fresh;
      Steering.install(fresh);
    } catch (Throwable e) {
      Log.once("init", "Sparkwright: the application runs without it, the plugin failed to start", e);
      Log.rethrowIfJvmMustSeeIt(e);
    }
    return Collections.emptyMap();
  }

  /** The application id is known and the scheduler is up: commands can be obeyed from here on, so now the host is greeted. */
  @Override
  public void registerMetrics(String applicationId, PluginContext plugin) {
    try {
      if (steering != null) {
        steering.connect(applicationId);
      }
    } catch (Throwable e) {
      Log.once("connect", "Sparkwright: the application runs without it, looking for the host failed", e);
      Log.rethrowIfJvmMustSeeIt(e);
    }
  }

  @Override
  public void shutdown() {
    try {
      if (steering != null) {
        steering.shutdown();
      }
    } catch (Throwable e) {
      Log.once("shutdown", "Sparkwright: the plugin failed to close, the run's record may lack its end", e);
      Log.rethrowIfJvmMustSeeIt(e);
    }
  }

  /** Sessions read their extensions from the live SparkConf. A list of the user's own is kept; ours goes last. */
  static void addExtension(SparkConf conf) {
    String ours = SparkwrightExtensions.class.getName();
    String listed = conf.get(EXTENSIONS_KEY, "").trim();
    for (String name : listed.split(",")) {
      if (name.trim().equals(ours)) {
        return;
      }
    }
    conf.set(EXTENSIONS_KEY, listed.isEmpty() ? ours : listed + "," + ours);
  }
}
