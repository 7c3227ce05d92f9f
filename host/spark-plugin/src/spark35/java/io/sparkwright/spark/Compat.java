package io.sparkwright.spark;

import java.lang.reflect.Field;
import java.util.Collection;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkException;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.catalog.SessionCatalog;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.RaiseError;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.CacheManager;
import org.apache.spark.sql.execution.CachedData;
import org.apache.spark.sql.execution.CommandExecutionMode;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.columnar.DefaultCachedBatchSerializer;
import org.apache.spark.sql.execution.columnar.InMemoryRelation;
import org.apache.spark.sql.execution.columnar.InMemoryRelation$;
import org.apache.spark.sql.execution.command.LeafRunnableCommand;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.StaticSQLConf;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
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
  private static final Pattern CANCELLED = Pattern.compile("Job \\d+ cancelled");

  private Compat() {}

  static SQLConf sqlConf(SparkSession session) {
    return session.sessionState().conf();
  }

  /** Whether a physical plan remembers the RDD that it was run as, with what was shuffled for it (SPARK-48195). */
  static final boolean PLANS_REMEMBER_RDDS = false;

  static String sessionId(SparkSession session) {
    return session.sessionUUID();
  }

  static CacheManager cacheManager(SparkSession session) {
    return session.sharedState().cacheManager();
  }

  /** What Spark stores of a plan, under a name. Nothing is computed yet. */
  static InMemoryRelation relation(SparkSession session, LogicalPlan plan, String name, StorageLevel level) {
    QueryExecution planned = session.sessionState().executePlan(plan, CommandExecutionMode.ALL());
    boolean own = sqlConf(session).getConf(StaticSQLConf.SPARK_CACHE_SERIALIZER()).equals(DefaultCachedBatchSerializer.class.getName());
    return own
        ? InMemoryRelation$.MODULE$.apply(new ExactBatches(), level, planned.executedPlan(), Option.apply(name), planned.optimizedPlan())
        : InMemoryRelation$.MODULE$.apply(level, planned, Option.apply(name));
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

  /**
   * What a DataFrame object's plan is from now on, for whoever asks for it or caches it; what runs now, and whenever the object is asked for its
   * rows again, stays. Spark keeps each step of planning in a field, and a bit that says that it is there.
   *
   * @param beforeRdd is done before an RDD is made of the object
   */
  static void remembers(QueryExecution execution, LogicalPlan own, Runnable beforeRdd) {
    PlanningSteps steps = PlanningSteps.KNOWN;
    try {
      synchronized (execution) {
        byte done = steps.bits.getByte(execution);
        if ((done & PlanningSteps.PLANNED) != 0 || (~done & PlanningSteps.OPTIMIZED) != 0) {
          throw new IllegalStateException("unknown steps of planning: " + done);
        }
        steps.normalized.set(execution, own);
        steps.toRdd.set(execution, new LaterRdd(execution, beforeRdd));
        steps.bits.setByte(execution, (byte) (done & ~PlanningSteps.AGAIN | PlanningSteps.TO_RDD));
        execution.withCachedData(); // as of now: what the user caches or lets go of later does not change a plan that was made
      }
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether an execution's own plan is past our rule. */
  static boolean isNormalized(QueryExecution execution) {
    try {
      return (PlanningSteps.KNOWN.bits.getByte(execution) & PlanningSteps.NORMALIZED) != 0;
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The private fields of {@link QueryExecution}, and the bits of what is in them, in the order in which it declares its lazy values. */
  private record PlanningSteps(Field normalized, Field toRdd, Field bits) {
    static final PlanningSteps KNOWN = known();
    static final int NORMALIZED = 0b100;
    /** analyzed, commandExecuted, normalized, withCachedData, optimizedPlan */
    static final int OPTIMIZED = 0b1_1111;
    /** withCachedData, optimizedPlan */
    static final int AGAIN = 0b1_1000;
    /** sparkPlan, executedPlan, toRdd */
    static final int PLANNED = 0b1110_0000;
    static final int TO_RDD = 0b1000_0000;

    private static PlanningSteps known() {
      try {
        PlanningSteps steps = new PlanningSteps(
            QueryExecution.class.getDeclaredField("normalized"),
            QueryExecution.class.getDeclaredField("toRdd"),
            QueryExecution.class.getDeclaredField("bitmap$0"));
        steps.normalized.setAccessible(true);
        steps.toRdd.setAccessible(true);
        steps.bits.setAccessible(true);
        return steps;
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
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

  /** Whether a job ended so because somebody cancelled it. Spark 3.5 gives no name to that. */
  static boolean isCancelled(Throwable error) {
    return error instanceof SparkException && error.getMessage() != null && CANCELLED.matcher(error.getMessage()).lookingAt();
  }

  /** A column of this type that ends the task that computes it. */
  static Expression failing(String message, DataType type) {
    return new RaiseError(Literal.create(message, DataTypes.StringType), type);
  }

  /** A list, since what Scala 2.12 makes by {@code toSeq} is a lazy stream, which holds an iterator that no task can be sent with. */
  static <T> Seq<T> seq(Collection<T> items) {
    return JavaConverters.collectionAsScalaIterableConverter(items).asScala().toList();
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
