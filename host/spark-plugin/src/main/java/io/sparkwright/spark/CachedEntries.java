package io.sparkwright.spark;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.CacheManager;
import org.apache.spark.sql.execution.CachedData;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.storage.StorageLevel;

/**
 * The plans that we had Spark cache, found in Spark's cache by our name prefix. Before Spark uses one in a query, its files and the
 * session's confs are compared with those from which it was cached. If they differ or can't be compared, the cached plan is dropped first.
 * This check goes on after the application is unsteered.
 */
final class CachedEntries {
  /** The prefix of our entries' names in Spark's cache and on the storage page of its UI. */
  static final String NAME_PREFIX = "sparkwright-";

  /** Called when an entry is cached or dropped: {@code state} cached|dropped, {@code why} asked|source_changed|conflict|gone|failed. */
  interface Watcher {
    void entry(String id, String state, String why, String error, String level);
  }

  /** @param versions of each listing's files, from before the plan was computed */
  private record Entry(
      String id, String level, List<SourceIdentity.Listing> files, List<List<FileVersion>> versions, long confDigest) {}

  private final Map<String, Entry> entries = new ConcurrentHashMap<>();
  /** Entries that are being added and may not be in Spark's cache yet. */
  private final Map<String, Boolean> coming = new ConcurrentHashMap<>();
  private final WeakIdentityMap<CachedData, Long> leaves = new WeakIdentityMap<>();
  /** Entries that are not known to hold all of their partitions yet. */
  private final Map<String, WeakReference<CachedData>> filling = new ConcurrentHashMap<>();
  private final Watcher watcher;

  CachedEntries(Watcher watcher) {
    this.watcher = watcher;
  }

  boolean isEmpty() {
    return entries.isEmpty();
  }

  List<String> ids() {
    return List.copyOf(entries.keySet());
  }

  String level(String id) {
    Entry entry = entries.get(id);
    return entry == null ? null : entry.level;
  }

  /**
   * Drops entries that must not be used for this plan and marks the nodes that Spark will find in its cache.
   *
   * @param takeOverRoot whether the user is caching this very plan: an entry of ours for it is dropped, so that the user's takes its place
   */
  void check(PlanFacts facts, SparkSession session, boolean takeOverRoot) {
    // copied before the cache is read, so that an entry added meanwhile is not reported as gone
    List<String> settled = new ArrayList<>(entries.keySet());
    settled.removeAll(coming.keySet());
    CacheManager manager = Compat.cacheManager(session);
    List<CachedData> all = SparkInternals.cachedData(manager);
    noticeGone(settled, all);
    if (all.isEmpty()) {
      return;
    }
    Map<Long, List<CachedData>> byLeaves = new HashMap<>();
    for (CachedData data : all) {
      byLeaves.computeIfAbsent(leaves(data), hash -> new ArrayList<>(1)).add(data);
    }
    SourceIdentity.Look look = facts.look();
    for (PlanFacts.Node node : facts.nodes) {
      for (CachedData data : byLeaves.getOrDefault(node.leaves, List.of())) {
        if (node.plan.sameResult(data.plan())) { // the same test as in Spark's own cache lookup
          mark(node, data, facts, session, look, takeOverRoot && node == facts.root());
          break;
        }
      }
    }
    facts.refuseAboveUsersCache();
  }

  private void mark(PlanFacts.Node node, CachedData data, PlanFacts facts, SparkSession session,
      SourceIdentity.Look look, boolean takeOver) {
    String id = idOf(data);
    if (id == null) {
      node.cached = "user";
      return;
    }
    Entry entry = entries.get(id);
    if (entry == null && Steering.isOurs()) {
      return; // an entry that we are dropping at this moment
    }
    if (takeOver) {
      drop(id, data.plan(), session, "gone", null);
      return;
    }
    if (entry == null || entry.confDigest != facts.confDigest || node.filesSeenFromAbove) {
      drop(id, data.plan(), session, "conflict", null);
      return;
    }
    String error = null;
    try {
      if (!node.overwritten && isCurrent(entry, node, look)) {
        node.cached = "ours";
        return;
      }
    } catch (Exception e) {
      error = e.toString();
    }
    drop(id, data.plan(), session, "source_changed", error);
  }

  private static boolean isCurrent(Entry entry, PlanFacts.Node node, SourceIdentity.Look look) throws Exception {
    List<SourceIdentity.Listing> files = node.allFiles();
    if (files.size() != entry.files.size()) {
      return false;
    }
    for (int i = 0; i < files.size(); i++) {
      SourceIdentity.Listing known = entry.files.get(i);
      if (!files.get(i).sameFiles(known) || !look.versions(known).equals(entry.versions.get(i))) {
        return false;
      }
    }
    return true;
  }

  /** Has Spark cache the node's plan, so that the query being planned fills and uses it. Returns whether the entry was made. */
  boolean cache(PlanFacts.Node node, PlanFacts facts, SparkSession session, String level) {
    if (node.whyNot() != null || !node.cached.equals("no") || !SparkInternals.knowsCache()
        || coming.putIfAbsent(node.hash, true) != null) {
      return false;
    }
    try {
      SourceIdentity.Look look = facts.look();
      List<SourceIdentity.Listing> files = node.allFiles();
      List<List<FileVersion>> versions = new ArrayList<>();
      for (SourceIdentity.Listing listing : files) {
        List<FileVersion> now = look.versions(listing);
        if (now.size() != listing.files().size()) {
          return false; // the files changed after the plan was made: not cached, and the query runs as plain Spark would
        }
        String why = SourceIdentity.Look.unidentified(listing, now, facts.settledAtMs());
        if (why != null) {
          watcher.entry(node.hash, "dropped", "failed", "a new content of a file it reads could go unnoticed: " + why, level);
          return false;
        }
        versions.add(now);
      }
      StorageLevel storage = StorageLevel.fromString(level);
      entries.put(node.hash, new Entry(node.hash, level, files, versions, facts.confDigest));
      Steering.ours(() -> Compat.cache(session, node.plan, NAME_PREFIX + node.hash, storage));
      CachedData made = find(node.hash, session);
      if (made == null) {
        entries.remove(node.hash); // the user's own persist of the same plan came first
        return false;
      }
      filling.put(node.hash, new WeakReference<>(made));
      node.cached = "ours";
      watcher.entry(node.hash, "cached", "asked", null, level);
      return true;
    } catch (Exception | LinkageError e) {
      entries.remove(node.hash);
      watcher.entry(node.hash, "dropped", "failed", e.toString(), level);
      return false;
    } finally {
      coming.remove(node.hash);
    }
  }

  /** Called when all partitions of an entry are cached. Its physical plan at the first call while the entry exists; null otherwise. */
  SparkPlan filled(String id) {
    WeakReference<CachedData> made = filling.remove(id);
    CachedData data = made == null || !entries.containsKey(id) ? null : made.get();
    return data == null ? null : data.cachedRepresentation().cacheBuilder().cachedPlan();
  }

  /** Drops an entry because the host asked for it. Returns whether there was such an entry. */
  boolean uncache(String id, SparkSession session) {
    CachedData data = find(id, session);
    if (data == null) {
      return false;
    }
    drop(id, data.plan(), session, "asked", null);
    return true;
  }

  /** Drops all our entries. Used when a plan can't be checked: no cache is better than a stale one. */
  void dropAll(SparkSession session, String error) {
    for (String id : entries.keySet()) {
      CachedData data = find(id, session);
      if (data != null) {
        drop(id, data.plan(), session, "failed", error);
      }
    }
  }

  private void drop(String id, LogicalPlan plan, SparkSession session, String why, String error) {
    Entry entry = forget(id);
    Steering.ours(() -> Compat.uncache(session, plan));
    if (entry != null) {
      watcher.entry(id, "dropped", why, error, entry.level);
    }
  }

  /** Reports entries that the user's own unpersist or clearCache removed. */
  private void noticeGone(List<String> settled, List<CachedData> all) {
    for (CachedData data : all) {
      settled.remove(idOf(data));
    }
    for (String id : settled) {
      Entry entry = forget(id);
      if (entry != null) {
        watcher.entry(id, "dropped", "gone", null, entry.level);
      }
    }
  }

  private Entry forget(String id) {
    filling.remove(id);
    return entries.remove(id);
  }

  private static CachedData find(String id, SparkSession session) {
    for (CachedData data : SparkInternals.cachedData(Compat.cacheManager(session))) {
      if (id.equals(idOf(data))) {
        return data;
      }
    }
    return null;
  }

  private static String idOf(CachedData data) {
    String name = SparkInternals.cachedName(data);
    return name != null && name.startsWith(NAME_PREFIX) ? name.substring(NAME_PREFIX.length()) : null;
  }

  private long leaves(CachedData data) {
    Long known = leaves.get(data);
    if (known == null) {
      known = PlanFacts.leavesOf(data.plan());
      leaves.put(data, known);
    }
    return known;
  }
}
