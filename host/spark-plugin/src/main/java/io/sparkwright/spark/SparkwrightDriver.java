package io.sparkwright.spark;

import java.util.Collections;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.PluginContext;

/** Starts and stops Sparkwright with one SparkContext. No failure here may stop the application. */
final class SparkwrightDriver implements DriverPlugin {
  private static final String EXTENSIONS_KEY = "spark.sql.extensions";

  private volatile Steering steering;

  /**
   * Runs before the scheduler and any session exist. So the session extension can be added here, and the user needs only
   * {@code spark.jars} and {@code spark.plugins}; and no event is missed, since listening starts here.
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

  /** Connects to the host: from here on the application id is known and the scheduler runs, so commands can be carried out. */
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

  /** Adds our class to {@code spark.sql.extensions}, after the user's own. Sessions read this key from the live SparkConf. */
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
