package io.sparkwright.spark;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.execution.SparkPlan;

/**
 * Memory and disk that our cached plans take, and the storage memory of each executor. Read in the background: Spark's block manager may
 * be slow to answer when the driver is busy, and a query must not wait for it.
 */
final class StorageWatch {
  private static final String RDD_NAME_PREFIX = "In-memory table " + KeptPlans.NAME_PREFIX;

  /** Bytes in memory and on disk, and how many of the partitions are there. */
  record Stored(String level, long memoryBytes, long diskBytes, int partitions, int cachedPartitions) {}

  private final SparkContext context;
  private final KeptPlans entries;
  private volatile Map<String, Stored> stored = Map.of();
  private volatile Map<String, long[]> executors = Map.of();

  StorageWatch(SparkContext context, KeptPlans entries) {
    this.context = context;
    this.entries = entries;
  }

  /** Our entries as of the last {@link #look}. An entry that nothing has filled yet is listed with zeros. */
  Map<String, Stored> entries() {
    Map<String, Stored> now = new TreeMap<>();
    Map<String, Stored> seen = stored;
    for (String id : entries.ids()) {
      String level = entries.level(id);
      Stored known = seen.get(id);
      if (known != null) {
        now.put(id, known);
      } else if (level != null) {
        now.put(id, new Stored(level, 0, 0, 0, 0));
      }
    }
    return now;
  }

  Map<String, long[]> executors() {
    return executors;
  }

  /** Reads the block managers again. Returns whether anything changed for our entries. */
  boolean look() {
    executors = SparkInternals.storageMemory(context);
    Map<String, Stored> now = new TreeMap<>();
    if (!entries.isEmpty()) {
      SparkInternals.storedRdds(context, name -> name.startsWith(RDD_NAME_PREFIX)).forEach((name, rdd) -> {
        String id = name.substring(RDD_NAME_PREFIX.length());
        String level = entries.level(id);
        if (level != null) {
          now.put(id, new Stored(level, rdd.memoryBytes(), rdd.diskBytes(), rdd.partitions, rdd.cachedPartitions()));
          if (rdd.cachedPartitions() == rdd.partitions) {
            whole(id);
          }
        }
      });
    }
    boolean changed = !now.equals(stored);
    stored = now;
    return changed;
  }

  /** Frees the broadcasts behind an entry whose partitions are all cached. In a thread of its own: it may wait for tasks. */
  private void whole(String id) {
    SparkPlan filled = entries.filled(id);
    if (filled != null) {
      Steering.daemon("let-go", () -> {
        try {
          FilledFrom.letGo(context, filled);
        } catch (Throwable e) {
          Log.debug("Sparkwright: what filled a cached plan stays", e);
          Log.rethrowIfJvmMustSeeIt(e);
        }
      }).start();
    }
  }

  String message() {
    ObjectNode message = Messages.ours("storage");
    Messages.entries(message.putArray("entries"), entries());
    return message.put("now_ms", System.currentTimeMillis()).toString();
  }
}
