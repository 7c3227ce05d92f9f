package io.sparkwright.spark;

import java.lang.reflect.Field;
import java.util.ArrayList;
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
 * Every use of an API that Spark does not promise and that is the same in 3.5 and 4.x (what differs is in {@code Compat}).
 * {@code private[spark]} in Scala is public in class files; two private fields are reached by reflection, with a fallback.
 */
final class SparkInternals {
  private static final String EXECUTION_ID = "spark.sql.execution.id";
  private static final String STREAMING_QUERY_ID = "sql.streaming.queryId";

  private SparkInternals() {}

  /** A listener queue (and thread) of our own: {@code LiveListenerBus.addToQueue}, private[spark]. */
  static void addListener(SparkContext context, SparkListenerInterface listener, String queue) {
    context.listenerBus().addToQueue(listener, queue);
  }

  /** Until every listener has seen what was posted so far: {@code LiveListenerBus.waitUntilEmpty}, private[spark]. */
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

  static <T> T orNull(Option<T> option) {
    return option.isDefined() ? option.get() : null;
  }

  /** The SQL execution that the current thread is in, or null ({@code df.rdd} and MLlib plan outside of one). */
  static Long executionId(SparkContext context) {
    String id = context.getLocalProperty(EXECUTION_ID);
    return id == null ? null : Long.valueOf(id);
  }

  static boolean inStreamingQuery(SparkContext context) {
    return context.getLocalProperty(STREAMING_QUERY_ID) != null;
  }

  /** The files of an index, listed by Spark itself; the map is another object after each refresh. Protected in Scala. */
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
   * Everything in Spark's cache. Its public lookup would plan again for each node and can't tell whose an entry is, so the
   * private (immutable, volatile) sequence is read.
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

  /** The name under which a plan was cached: ours start with {@link CachedEntries#NAME_PREFIX}. Survives Spark's own re-caching. */
  static String cachedName(CachedData data) {
    return orNull(data.cachedRepresentation().cacheBuilder().tableName());
  }

  /** The optimised plan that a physical plan was made from; null when Spark has forgotten it. */
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

  /** The name of a storage level, which Spark only reads. */
  static String name(StorageLevel level) {
    return LEVELS.stream().filter(name -> StorageLevel.fromString(name).equals(level)).findFirst().orElseGet(level::description);
  }

  /** Per executor ({@code driver} too): bytes for storage at most, and bytes of them that are free. Asks the block manager. */
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
   * What the block managers hold of each persisted RDD that is {@code named} so, by its name. Not
   * {@code getRDDStorageInfo}: that adds a block that went by decommission instead of taking it away (seen on 4.3.0).
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

  /** Of one RDD, on all executors. A partition may be held by several of them. */
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
   * Frees a broadcast's value everywhere; the driver keeps its serialised pieces, from which whoever asks for the value gets it again.
   * The driver's own value is a block and, beside it, a soft reference of the broadcast.
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

  /** Null under {@code local[*]}, where there is nothing to ask for. */
  private static ExecutorAllocationClient allocation(SparkContext context) {
    return context.schedulerBackend() instanceof ExecutorAllocationClient client ? client : null;
  }

  static boolean hasExecutors(SparkContext context) {
    return allocation(context) != null;
  }

  /** For the default resource profile; never removes a live executor. */
  static boolean requestTotalExecutors(SparkContext context, int total) {
    scala.collection.immutable.Map<String, Object> nowhere = scala.collection.immutable.Map$.MODULE$.empty();
    return context.requestTotalExecutors(total, 0, nowhere);
  }

  /** The ids that the scheduler accepted. The SparkContext's own kill is refused under dynamic allocation; the backend's isn't. */
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
