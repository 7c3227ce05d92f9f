package io.sparkwright.spark;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkThrowable;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.QueryPlanningTracker;
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
import org.apache.spark.sql.execution.SQLExecutionRDD;
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
import org.apache.spark.util.LazyTry;
import org.apache.spark.util.Utils;
import scala.Function0;
import scala.Option;
import scala.Tuple2;
import scala.collection.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Calls that differ between Spark 4 (Scala 2.13) and Spark 3.5 (Scala 2.12); this is the Spark 4 side. All of it is public in the class
 * files but is not stable API: run the tests with each new minor version of Spark.
 */
final class Compat {
  private Compat() {}

  private static org.apache.spark.sql.classic.SparkSession classic(SparkSession session) {
    return (org.apache.spark.sql.classic.SparkSession) session;
  }

  static SQLConf sqlConf(SparkSession session) {
    return classic(session).sessionState().conf();
  }

  /** Whether a physical plan remembers the RDD that it was run as, with what was shuffled for it (SPARK-48195). */
  static final boolean PLANS_REMEMBER_RDDS = true;

  static String sessionId(SparkSession session) {
    return classic(session).sessionUUID();
  }

  static CacheManager cacheManager(SparkSession session) {
    return classic(session).sharedState().cacheManager();
  }

  /** What Spark stores of a plan, under a name. Nothing is computed yet. */
  static InMemoryRelation relation(SparkSession session, LogicalPlan plan, String name, StorageLevel level) {
    QueryExecution planned = classic(session).sessionState().executePlan(plan, CommandExecutionMode.ALL());
    boolean own = sqlConf(session).getConf(StaticSQLConf.SPARK_CACHE_SERIALIZER()).equals(DefaultCachedBatchSerializer.class.getName());
    return own
        ? InMemoryRelation$.MODULE$.apply(new ExactBatches(), level, planned.executedPlan(), Option.apply(name), planned.optimizedPlan())
        : InMemoryRelation$.MODULE$.apply(level, planned, Option.apply(name));
  }

  /** Caches the DataFrame's plan as the user's own {@code persist} does, but under a name. */
  static void cache(Dataset<?> frame, String name, StorageLevel level) {
    cacheManager(frame.sparkSession())
        .cacheQuery((org.apache.spark.sql.classic.Dataset<?>) frame, Option.apply(name), level);
  }

  /** The entry of Spark's cache for the DataFrame's plan; null: none. */
  static CachedData cachedAs(Dataset<?> frame) {
    Option<CachedData> cached = cacheManager(frame.sparkSession()).lookupCachedData((org.apache.spark.sql.classic.Dataset<?>) frame);
    return cached.isDefined() ? cached.get() : null;
  }

  static QueryExecution execution(Dataset<?> frame) {
    return ((org.apache.spark.sql.classic.Dataset<?>) frame).queryExecution();
  }

  /** A new DataFrame for a plan. It is planned by itself, so the user's DataFrame object does not change. */
  static Dataset<Row> frame(SparkSession session, LogicalPlan plan) {
    return org.apache.spark.sql.classic.Dataset.ofRows(classic(session), plan);
  }

  /** Plans without running anything, not even a command. */
  static QueryExecution planning(SparkSession session, LogicalPlan plan) {
    return classic(session).sessionState().executePlan(plan, CommandExecutionMode.SKIP());
  }

  /**
   * What a DataFrame object's plan is from now on, for whoever asks for it or caches it; what runs now, and whenever the object is asked for its
   * rows again, stays. Spark keeps each step of planning in a field.
   *
   * @param beforeRdd is done before an RDD is made of the object
   */
  static void remembers(QueryExecution execution, LogicalPlan own, Runnable beforeRdd) {
    org.apache.spark.sql.classic.SparkSession session = execution.sparkSession();
    CacheManager cache = session.sharedState().cacheManager();
    // as of now: what the user caches or lets go of later does not change a plan that was made
    LogicalPlan cached = cache.useCachedData(own.clone(), cache.useCachedData$default$2());
    REMEMBERED.set(execution, "lazyNormalized", () -> own);
    REMEMBERED.set(execution, "lazyWithCachedData", () -> cached);
    REMEMBERED.set(execution, "lazyOptimizedPlan", () -> session.withActive(() ->
        session.sessionState().optimizer().executeAndTrack(cached.clone(), new QueryPlanningTracker(Option.empty()))));
    LazyTry<SQLExecutionRDD> rdd = execution.lazyToRdd();
    REMEMBERED.set(execution, "lazyToRdd", () -> {
      beforeRdd.run();
      return rdd.get();
    });
  }

  /** Whether an execution's own plan is past our rule. */
  static boolean isNormalized(QueryExecution execution) {
    return REMEMBERED.isDone(execution, "lazyNormalized");
  }

  private static final PlanningSteps REMEMBERED = new PlanningSteps();

  /** The private fields of {@link QueryExecution}. */
  private static final class PlanningSteps extends ClassValue<Map<String, Field>> {
    @Override
    protected Map<String, Field> computeValue(Class<?> type) {
      Map<String, Field> fields = new HashMap<>();
      for (Field field : QueryExecution.class.getDeclaredFields()) {
        if (field.getType() == LazyTry.class) {
          field.setAccessible(true);
          fields.put(field.getName(), field);
        }
      }
      return fields;
    }

    boolean isDone(QueryExecution execution, String step) {
      try {
        Field done = LazyTry.class.getDeclaredField("bitmap$0");
        done.setAccessible(true);
        return done.getBoolean(get(QueryExecution.class).get(step).get(execution));
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }

    void set(QueryExecution execution, String step, Function0<?> value) {
      try {
        get(QueryExecution.class).get(step).set(execution, new LazyTry<>(value));
      } catch (IllegalAccessException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  static SessionCatalog catalog(SparkSession session) {
    return classic(session).sessionState().catalog();
  }

  static ParserInterface parser(SparkSession session) {
    return classic(session).sessionState().sqlParser();
  }

  static Configuration hadoopConf(SparkSession session) {
    return classic(session).sessionState().newHadoopConf();
  }

  static void run(LeafRunnableCommand command, SparkSession session) {
    command.run(session);
  }

  /** Whether a job ended so because somebody cancelled it. */
  static boolean isCancelled(Throwable error) {
    return error instanceof SparkThrowable named && "SPARK_JOB_CANCELLED".equals(named.getCondition());
  }

  /** A column of this type that ends the task that computes it. */
  static Expression failing(String message, DataType type) {
    RaiseError error = new RaiseError(Literal.create(message, DataTypes.StringType));
    return new RaiseError(error.errorClass(), error.errorParms(), type);
  }

  static <T> scala.collection.immutable.Seq<T> seq(Collection<T> items) {
    return CollectionConverters.asScala(items).toSeq();
  }

  static <K, V> scala.collection.immutable.Map<K, V> map(Map<K, V> items) {
    return scala.collection.immutable.Map$.MODULE$.from(CollectionConverters.asScala(items));
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
