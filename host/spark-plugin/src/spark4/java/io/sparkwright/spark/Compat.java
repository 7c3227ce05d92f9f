package io.sparkwright.spark;

import java.lang.reflect.Method;
import java.util.Collection;
import org.apache.spark.SparkConf;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.CacheManager;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.util.JsonProtocol$;
import org.apache.spark.util.Utils;
import scala.Option;
import scala.Tuple2;
import scala.collection.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * What differs between Spark 4 (Scala 2.13) and Spark 3.5 (Scala 2.12); this is the Spark 4 side. All of it is public in the
 * class files but not promised by Spark: a new minor version needs a run of the tests.
 */
final class Compat {
  static final String SCALA = "2.13";

  private Compat() {}

  private static org.apache.spark.sql.classic.SparkSession classic(SparkSession session) {
    return (org.apache.spark.sql.classic.SparkSession) session;
  }

  static SQLConf sqlConf(SparkSession session) {
    return classic(session).sessionState().conf();
  }

  static String sessionId(SparkSession session) {
    return classic(session).sessionUUID();
  }

  static CacheManager cacheManager(SparkSession session) {
    return classic(session).sharedState().cacheManager();
  }

  static void cache(SparkSession session, LogicalPlan plan, String name, StorageLevel level) {
    cacheManager(session).cacheQuery(classic(session), plan, Option.apply(name), level);
  }

  /** Does not wait for the blocks to be gone. */
  static void uncache(SparkSession session, LogicalPlan plan) {
    cacheManager(session).uncacheQuery(classic(session), plan, false, false);
  }

  static <T> scala.collection.immutable.Seq<T> seq(Collection<T> items) {
    return CollectionConverters.asScala(items).toSeq();
  }

  static Seq<Tuple2<String, String>> redact(SparkConf conf, Seq<Tuple2<String, String>> entries) {
    return Utils.redact(conf, entries);
  }

  /** Spark's event-log JSON; without the task metrics' accumulators where this version can leave them out (4.2 on). */
  static final class EventJson {
    private final Object options;
    private final Method withOptions;

    EventJson(SparkConf conf) {
      Object found = null;
      Method method = null;
      try {
        Class<?> type = Class.forName("org.apache.spark.util.JsonProtocolOptions");
        found = type.getConstructor(SparkConf.class)
            .newInstance(conf.clone().set("spark.eventLog.includeTaskMetricsAccumulators", "false"));
        method = JsonProtocol$.class.getMethod("sparkEventToJsonString", SparkListenerEvent.class, type);
      } catch (ReflectiveOperationException e) {
        Log.debug("Sparkwright: this Spark has no JsonProtocolOptions", e);
      }
      options = found;
      withOptions = method;
    }

    String of(SparkListenerEvent event) throws ReflectiveOperationException {
      return withOptions == null
          ? JsonProtocol$.MODULE$.sparkEventToJsonString(event)
          : (String) withOptions.invoke(JsonProtocol$.MODULE$, event, options);
    }
  }
}
