package io.sparkwright.spark;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.spark.ExecutorAllocationClient;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.rdd.RDD;
import org.apache.spark.scheduler.ExecutorDecommissionInfo;
import org.apache.spark.scheduler.SparkListenerInterface;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.CacheManager;
import org.apache.spark.sql.execution.CachedData;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.SQLExecution;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanExec;
import org.apache.spark.sql.execution.datasources.InMemoryFileIndex;
import org.apache.spark.storage.BlockId;
import org.apache.spark.storage.BlockManagerId;
import org.apache.spark.storage.BlockStatus;
import org.apache.spark.storage.BroadcastBlockId;
import org.apache.spark.storage.RDDBlockId;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.storage.StorageStatus;
import scala.Option;
import scala.Tuple2;
import scala.collection.Iterator;

/**
 * Calls into Spark's internals that are the same in 3.5 and 4.x (those that differ are in {@code Compat}). What is {@code private[spark]}
 * in Scala is public in class files. Two private fields are read by reflection, with a fallback ({@link ExecutionConfs} has two more).
 */
final class SparkInternals {
  private static final String EXECUTION_ID = "spark.sql.execution.id";
  private static final String STREAMING_QUERY_ID = "sql.streaming.queryId";

  private SparkInternals() {}

  /** Adds a listener to a queue (and thread) of its own on the listener bus: {@code LiveListenerBus.addToQueue}, private[spark]. */
  static void addListener(SparkContext context, SparkListenerInterface listener, String queue) {
    context.listenerBus().addToQueue(listener, queue);
  }

  /** Waits until every listener has got the events posted so far: {@code LiveListenerBus.waitUntilEmpty}, private[spark]. */
  static void waitForListeners(SparkContext context, long ms) throws TimeoutException {
    context.listenerBus().waitUntilEmpty(ms);
  }

  static <T> List<T> list(scala.collection.Iterable<T> items) {
    List<T> list = new ArrayList<>(items.size());
    for (Iterator<T> it = items.iterator(); it.hasNext(); ) {
      list.add(it.next());
    }
    return list;
  }

  static <K, V> Map<K, V> map(scala.collection.Map<K, V> items) {
    Map<K, V> map = new HashMap<>();
    for (Iterator<Tuple2<K, V>> it = items.iterator(); it.hasNext(); ) {
      Tuple2<K, V> item = it.next();
      map.put(item._1(), item._2());
    }
    return map;
  }

  static <T> T orNull(Option<T> option) {
    return option.isDefined() ? option.get() : null;
  }

  /** The SQL execution of the current thread, or null ({@code df.rdd} and MLlib plan outside of one). */
  static Long executionId(SparkContext context) {
    String id = context.getLocalProperty(EXECUTION_ID);
    return id == null ? null : Long.valueOf(id);
  }

  /** What an execution runs; null: there is no such execution. */
  static QueryExecution queryExecution(Long execution) {
    return execution == null ? null : SQLExecution.getQueryExecution(execution);
  }

  static boolean inStreamingQuery(SparkContext context) {
    return context.getLocalProperty(STREAMING_QUERY_ID) != null;
  }

  /** The files of an index as Spark listed them; after each refresh the map is another object. Protected in Scala. */
  static scala.collection.mutable.LinkedHashMap<Path, FileStatus> leafFiles(InMemoryFileIndex index) {
    return index.leafFiles();
  }

  private static final Field CACHED_DATA = cachedDataField();

  private static Field cachedDataField() {
    try {
      Field field = CacheManager.class.getDeclaredField("cachedData");
      field.setAccessible(true);
      return field;
    } catch (ReflectiveOperationException | RuntimeException e) {
      Log.once("cachedData", "Sparkwright: automatic caching is off, this version of Spark has another CacheManager", e);
      return null;
    }
  }

  static boolean knowsCache() {
    return CACHED_DATA != null;
  }

  /**
   * All entries of Spark's cache. Read from the private sequence (immutable, in a volatile field): the public lookup would plan again for
   * each node and can't list the entries.
   */
  static List<CachedData> cachedData(CacheManager manager) {
    if (CACHED_DATA == null || manager.isEmpty()) {
      return List.of();
    }
    try {
      @SuppressWarnings("unchecked")
      scala.collection.Iterable<CachedData> all = (scala.collection.Iterable<CachedData>) CACHED_DATA.get(manager);
      return all == null ? List.of() : list(all);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The name under which a plan was cached; Stays when Spark caches the plan again. */
  static String cachedName(CachedData data) {
    return orNull(data.cachedRepresentation().cacheBuilder().tableName());
  }

  /** The optimised plan that a physical plan was made from; null when Spark has no link to it any more. */
  static LogicalPlan plannedFrom(SparkPlan physical) {
    SparkPlan at = physical instanceof AdaptiveSparkPlanExec adaptive ? adaptive.inputPlan() : physical;
    while (at.logicalLink().isEmpty() && at.children().size() == 1) {
      at = at.children().head();
    }
    return orNull(at.logicalLink());
  }

  private static final List<String> LEVELS = List.of("NONE", "DISK_ONLY", "DISK_ONLY_2", "DISK_ONLY_3", "MEMORY_ONLY", "MEMORY_ONLY_2",
      "MEMORY_ONLY_SER", "MEMORY_ONLY_SER_2", "MEMORY_AND_DISK", "MEMORY_AND_DISK_2", "MEMORY_AND_DISK_SER",
      "MEMORY_AND_DISK_SER_2", "OFF_HEAP");

  /** The name of a storage level. Spark can parse these names but not print them. */
  static String name(StorageLevel level) {
    return LEVELS.stream().filter(name -> StorageLevel.fromString(name).equals(level)).findFirst().orElseGet(level::description);
  }

  /** For each executor and the driver: the most bytes for storage, and how many of them are free. Asks the block manager master. */
  static Map<String, long[]> storageMemory(SparkContext context) {
    Map<String, long[]> found = new TreeMap<>();
    scala.collection.Iterable<Tuple2<BlockManagerId, Tuple2<Object, Object>>> status =
        context.env().blockManager().master().getMemoryStatus();
    for (Tuple2<BlockManagerId, Tuple2<Object, Object>> one : list(status)) {
      found.put(one._1().executorId(), new long[] {(Long) one._2()._1(), (Long) one._2()._2()});
    }
    return found;
  }

  /**
   * The stored blocks of each persisted RDD whose name {@code named} accepts, by that name. Not from {@code getRDDStorageInfo}: when a
   * decommission removes a block, it adds the block instead of subtracting it (seen on 4.3.0).
   */
  static Map<String, StoredRdd> storedRdds(SparkContext context, Predicate<String> named) {
    Map<Integer, StoredRdd> byId = new TreeMap<>();
    Map<String, StoredRdd> found = new TreeMap<>();
    for (Tuple2<Object, RDD<?>> one : list(context.persistentRdds())) {
      String name = one._2().name();
      if (name != null && named.test(name)) {
        StoredRdd stored = new StoredRdd(one._2().getNumPartitions());
        byId.put((Integer) one._1(), stored);
        found.put(name, stored);
      }
    }
    if (!byId.isEmpty()) {
      for (StorageStatus status : context.env().blockManager().master().getStorageStatus()) {
        for (Tuple2<BlockId, BlockStatus> block : list(status.rddBlocks())) {
          if (block._1() instanceof RDDBlockId id && byId.containsKey(id.rddId())) {
            byId.get(id.rddId()).add(id.splitIndex(), block._2());
          }
        }
      }
    }
    return found;
  }

  /** The blocks of one RDD on all executors. A partition may be on several of them. */
  static final class StoredRdd {
    final int partitions;
    private final Set<Integer> held = new TreeSet<>();
    private long memoryBytes;
    private long diskBytes;

    private StoredRdd(int partitions) {
      this.partitions = partitions;
    }

    private void add(int partition, BlockStatus status) {
      held.add(partition);
      memoryBytes += status.memSize();
      diskBytes += status.diskSize();
    }

    long memoryBytes() {
      return memoryBytes;
    }

    long diskBytes() {
      return diskBytes;
    }

    int cachedPartitions() {
      return held.size();
    }
  }

  private static final Field BROADCAST_VALUE = broadcastValueField();

  private static Field broadcastValueField() {
    try {
      Field field = Class.forName("org.apache.spark.broadcast.TorrentBroadcast").getDeclaredField("_value");
      field.setAccessible(true);
      return field;
    } catch (ReflectiveOperationException | RuntimeException e) {
      Log.debug("Sparkwright: this Spark keeps broadcast values elsewhere", e);
      return null;
    }
  }

  /**
   * Frees a broadcast's value on executors and driver. The driver keeps the serialised pieces, from which the value is rebuilt when it is
   * needed. On the driver the value is held twice: as a block, and in a soft reference of the broadcast object.
   */
  static void keepPiecesOnly(SparkContext context, Broadcast<?> broadcast) {
    broadcast.unpersist(false);
    context.env().blockManager().removeBlock(new BroadcastBlockId(broadcast.id(), ""), false);
    try {
      if (BROADCAST_VALUE != null && BROADCAST_VALUE.getDeclaringClass().isInstance(broadcast)) {
        BROADCAST_VALUE.set(broadcast, null);
      }
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Null under {@code local[*]}, where no executors can be requested. */
  private static ExecutorAllocationClient allocation(SparkContext context) {
    return context.schedulerBackend() instanceof ExecutorAllocationClient client ? client : null;
  }

  static boolean hasExecutors(SparkContext context) {
    return allocation(context) != null;
  }

  /** Sets the executor target of the default resource profile; never removes a live executor. */
  static boolean requestTotalExecutors(SparkContext context, int total) {
    scala.collection.immutable.Map<String, Object> nowhere = scala.collection.immutable.Map$.MODULE$.empty();
    return context.requestTotalExecutors(total, 0, nowhere);
  }

  /** Returns the ids that the scheduler accepted. By the backend: SparkContext refuses to kill executors under dynamic allocation. */
  static List<String> decommission(SparkContext context, List<String> executors) {
    @SuppressWarnings({"unchecked", "rawtypes"})
    Tuple2<String, ExecutorDecommissionInfo>[] each = new Tuple2[executors.size()];
    for (int i = 0; i < each.length; i++) {
      each[i] = new Tuple2<>(executors.get(i), new ExecutorDecommissionInfo("sparkwright", Option.empty()));
    }
    return list(allocation(context).decommissionExecutors(each, true, false));
  }

  static Map<String, String> redactedConf(SparkConf conf) {
    List<Tuple2<String, String>> entries = List.of(conf.getAll());
    Map<String, String> redacted = new TreeMap<>();
    for (Tuple2<String, String> entry : list(Compat.redact(conf, Compat.seq(entries)))) {
      redacted.put(entry._1(), entry._2());
    }
    return redacted;
  }
}
