package io.sparkwright.spark;

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
import scala.collection.JavaConverters;
import scala.collection.Seq;

/**
 * What differs between Spark 4 (Scala 2.13) and Spark 3.5 (Scala 2.12); this is the Spark 3.5 side. All of it is public in the
 * class files but not promised by Spark: a new minor version needs a run of the tests.
 */
final class Compat {
  static final String SCALA = "2.12";

  private Compat() {}

  static SQLConf sqlConf(SparkSession session) {
    return session.sessionState().conf();
  }

  static String sessionId(SparkSession session) {
    return session.sessionUUID();
  }

  static CacheManager cacheManager(SparkSession session) {
    return session.sharedState().cacheManager();
  }

  static void cache(SparkSession session, LogicalPlan plan, String name, StorageLevel level) {
    cacheManager(session).cacheQuery(session, plan, Option.apply(name), level);
  }

  /** Does not wait for the blocks to be gone. */
  static void uncache(SparkSession session, LogicalPlan plan) {
    cacheManager(session).uncacheQuery(session, plan, false, false);
  }

  static <T> Seq<T> seq(Collection<T> items) {
    return JavaConverters.collectionAsScalaIterableConverter(items).asScala().toSeq();
  }

  static Seq<Tuple2<String, String>> redact(SparkConf conf, Seq<Tuple2<String, String>> entries) {
    return Utils.redact(conf, entries);
  }

  /** Spark's event-log JSON. */
  static final class EventJson {
    EventJson(SparkConf conf) {
      // 3.5 has no options for this
    }

    String of(SparkListenerEvent event) throws ReflectiveOperationException {
      return JsonProtocol$.MODULE$.sparkEventToJsonString(event);
    }
  }
}
