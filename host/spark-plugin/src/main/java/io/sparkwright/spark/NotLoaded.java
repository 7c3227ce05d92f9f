package io.sparkwright.spark;

import java.util.Arrays;
import org.apache.spark.SparkConf;
import org.apache.spark.scheduler.SparkListener;

/**
 * Says that an application which {@code sparkwright submit} started runs without the plugin. A program that sets {@code spark.plugins} itself, in
 * its builder, puts its own in the place of ours; Spark still starts this listener, which {@code submit} names in {@code spark.extraListeners}.
 */
public final class NotLoaded extends SparkListener {
  public NotLoaded(SparkConf conf) {
    String plugins = conf.get("spark.plugins", "");
    String ours = SparkwrightPlugin.class.getName();
    if (Arrays.stream(plugins.split(",")).map(String::trim).noneMatch(ours::equals)) {
      Log.once("plugins", "Sparkwright: the application runs unsteered, with Spark's own settings: it sets spark.plugins to `" + plugins
          + "`, which takes the place of Sparkwright's; to have both, add `" + ours + "` there", null);
    }
  }
}
