package io.sparkwright.spark;

import java.util.Collection;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.catalog.SessionCatalog;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.CacheManager;
import org.apache.spark.sql.execution.CachedData;
import org.apache.spark.sql.execution.CommandExecutionMode;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.command.LeafRunnableCommand;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.util.JsonProtocol$;
import org.apache.spark.util.Utils;
import scala.Option;
import scala.Tuple2;
import scala.collection.JavaConverters;
import scala.collection.Seq;

/**
 * Calls that differ between Spark 4 (Scala 2.13) and Spark 3.5 (Scala 2.12); this is the Spark 3.5 side. All of it is public in the class
 * files but is not stable API: run the tests with each new minor version of Spark.
 */
final class Compat {
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

  /** Does not wait until the blocks are removed. */
  static void uncache(SparkSession session, LogicalPlan plan) {
    cacheManager(session).uncacheQuery(session, plan, false, false);
  }

  /** Caches the DataFrame's plan as the user's own {@code persist} does, but under a name. */
  static void cache(Dataset<?> frame, String name, StorageLevel level) {
    cacheManager(frame.sparkSession()).cacheQuery(frame, Option.apply(name), level);
  }

  /** The entry of Spark's cache for the DataFrame's plan; null: none. */
  static CachedData cachedAs(Dataset<?> frame) {
    Option<CachedData> cached = cacheManager(frame.sparkSession()).lookupCachedData(frame);
    return cached.isDefined() ? cached.get() : null;
  }

  static QueryExecution execution(Dataset<?> frame) {
    return frame.queryExecution();
  }

  /** A new DataFrame for a plan. It is planned by itself, so the user's DataFrame object does not change. */
  static Dataset<Row> frame(SparkSession session, LogicalPlan plan) {
    return Dataset.ofRows(session, plan);
  }

  /** Plans without running anything, not even a command. */
  static QueryExecution planning(SparkSession session, LogicalPlan plan) {
    return session.sessionState().executePlan(plan, CommandExecutionMode.SKIP());
  }

  static SessionCatalog catalog(SparkSession session) {
    return session.sessionState().catalog();
  }

  static ParserInterface parser(SparkSession session) {
    return session.sessionState().sqlParser();
  }

  static Configuration hadoopConf(SparkSession session) {
    return session.sessionState().newHadoopConf();
  }

  static void run(LeafRunnableCommand command, SparkSession session) {
    command.run(session);
  }

  static <T> Seq<T> seq(Collection<T> items) {
    return JavaConverters.collectionAsScalaIterableConverter(items).asScala().toSeq();
  }

  static <K, V> scala.collection.immutable.Map<K, V> map(Map<K, V> items) {
    return JavaConverters.mapAsScalaMapConverter(items).asScala().toMap(scala.Predef$.MODULE$.$conforms());
  }

  static Seq<Tuple2<String, String>> redact(SparkConf conf, Seq<Tuple2<String, String>> entries) {
    return Utils.redact(conf, entries);
  }

  /** Spark's event-log JSON. */
  static final class EventJson {
    EventJson(SparkConf conf) {
      // Spark 3.5 has no options for event JSON
    }

    String of(SparkListenerEvent event) throws ReflectiveOperationException {
      return JsonProtocol$.MODULE$.sparkEventToJsonString(event);
    }
  }
}
