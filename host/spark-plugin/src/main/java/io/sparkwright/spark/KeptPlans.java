package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.execution.CachedData;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.columnar.InMemoryRelation;
import org.apache.spark.storage.StorageLevel;

/**
 * The sub-plans that we keep. A query reads one only if our rule puts it into the query's plan, after its files and the session's settings
 * were compared with those that it was computed from. It is filled by a job of its own before any query reads it, so a fill that fails harms no
 * query: the entry is dropped, and the query goes on over its own plan. The comparison goes on after the application is unsteered.
 */
final class KeptPlans {
  /** The prefix of our entries' names on the storage page of Spark's UI. */
  static final String NAME_PREFIX = "sparkwright-";

  /** Called when an entry is kept or dropped: {@code state} cached|dropped, {@code why} asked|source_changed|conflict|gone|failed. */
  interface Watcher {
    void entry(String id, String state, String why, String error, String level);
  }

  private final Map<String, KeptPlan> entries = new ConcurrentHashMap<>();
  /** Entries that some thread fills at this moment. */
  private final Set<String> filling = ConcurrentHashMap.newKeySet();
  /** Sub-plans whose fill failed. It may fail for what the application itself never computes, so it is not tried again. */
  private final Set<String> failed = Collections.synchronizedSet(Collections.newSetFromMap(new Remembered()));
  private final WeakIdentityMap<CachedData, Long> leavesOfUsers = new WeakIdentityMap<>();
  /** Entries whose broadcasts have not been freed yet. */
  private final Set<String> fresh = ConcurrentHashMap.newKeySet();
  /** What an execution's plan reads of ours: Spark runs the plan of a DataFrame object again without planning it. */
  private final WeakIdentityMap<QueryExecution, List<KeptPlan>> readBy = new WeakIdentityMap<>();
  /** What this thread plans with kept plans in it, until Spark has optimized it. */
  private final ThreadLocal<Planned> planned = new ThreadLocal<>();
  private final Watcher watcher;

  /** @param own the plan as it is without what is kept */
  private record Planned(QueryExecution execution, LogicalPlan own, List<KeptPlan> read) {}

  private static final class Remembered extends LinkedHashMap<String, Boolean> {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
      return size() > WithoutHost.FAILED_FILLS_REMEMBERED;
    }
  }

  KeptPlans(Watcher watcher) {
    this.watcher = watcher;
  }

  boolean isEmpty() {
    return entries.isEmpty();
  }

  List<String> ids() {
    return List.copyOf(entries.keySet());
  }

  String level(String id) {
    KeptPlan entry = entries.get(id);
    return entry == null ? null : entry.level();
  }

  /**
   * Finds what is kept of a plan: marks the nodes that an entry of ours can stand for, and those that the user cached. Entries whose sources
   * have changed are dropped.
   *
   * @param usersRoot whether the user is caching this very plan: an entry of ours for it is dropped, for it would be kept twice
   */
  void check(PlanFacts facts, SparkSession session, boolean usersRoot) {
    markUsers(facts, session);
    Map<Long, List<KeptPlan>> byLeaves = new HashMap<>();
    for (KeptPlan entry : entries.values()) {
      byLeaves.computeIfAbsent(entry.leaves(), hash -> new ArrayList<>(1)).add(entry);
    }
    if (!byLeaves.isEmpty()) {
      SourceIdentity.Look look = facts.look();
      for (PlanFacts.Node node : facts.nodes) {
        for (KeptPlan entry : byLeaves.getOrDefault(node.leaves, List.of())) {
          if (node.cached.equals("no") && node.plan.sameResult(entry.plan())) { // the test of Spark's own cache lookup
            mark(node, entry, facts, look, usersRoot && node == facts.root());
          }
        }
      }
    }
    facts.refuseAboveUsersCache();
  }

  private void markUsers(PlanFacts facts, SparkSession session) {
    Map<Long, List<CachedData>> byLeaves = new HashMap<>();
    for (CachedData data : SparkInternals.cachedData(Compat.cacheManager(session))) {
      Long leaves = leavesOfUsers.get(data);
      if (leaves == null) {
        leaves = PlanFacts.leavesOf(data.plan());
        leavesOfUsers.put(data, leaves);
      }
      byLeaves.computeIfAbsent(leaves, hash -> new ArrayList<>(1)).add(data);
    }
    if (byLeaves.isEmpty()) {
      return;
    }
    for (PlanFacts.Node node : facts.nodes) {
      for (CachedData data : byLeaves.getOrDefault(node.leaves, List.of())) {
        if (node.plan.sameResult(data.plan())) {
          node.cached = "user";
          break;
        }
      }
    }
  }

  private void mark(PlanFacts.Node node, KeptPlan entry, PlanFacts facts, SourceIdentity.Look look, boolean usersRoot) {
    if (entries.get(entry.id()) != entry) {
      return; // dropped for another node, or replaced by one with more columns
    }
    if (usersRoot || entry.isGone()) {
      drop(entry, "gone", null);
      return;
    }
    String error = null;
    boolean current = false;
    try {
      current = isCurrent(entry, node.allFiles(), look);
    } catch (Exception e) {
      error = e.toString();
    }
    if (!current) {
      drop(entry, "source_changed", error);
    } else if (entry.confDigest() == facts.confDigest && canBeRead(node)) {
      node.cached = "ours";
      node.kept = entry.has(node.asked) ? entry : null;
    }
  }

  private static boolean isCurrent(KeptPlan entry, List<SourceIdentity.Listing> files, SourceIdentity.Look look) throws Exception {
    if (files.size() != entry.files().size()) {
      return false;
    }
    for (int i = 0; i < files.size(); i++) {
      SourceIdentity.Listing known = entry.files().get(i);
      if (!files.get(i).sameFiles(known) || !look.versions(known).equals(entry.versions().get(i))) {
        return false;
      }
    }
    return true;
  }

  /**
   * Keeps a sub-plan of the query that is being planned, if the query computes all of it: fills an entry with the columns that the query asks
   * for, those that earlier ones did, and {@code besides}, those that it is likely to be asked for later ({@link AskedColumns#ofText}); where that
   * fails, without these.
   *
   * @param named the nodes of the query that have this sub-plan's hash; those that Spark calls the same result share the entry
   * @return how long Spark computed it, nanoseconds
   */
  long keep(List<PlanFacts.Node> named, PlanFacts facts, SparkSession session, String level, String besides) {
    PlanFacts.Node node = named.stream().filter(KeptPlans::canBeKept).reduce((one, later) -> later).orElse(null);
    if (node == null || failed.contains(node.hash) || !filling.add(node.hash)) {
      return 0;
    }
    KeptPlan narrower = entries.get(node.hash);
    LogicalPlan plan = node.plan;
    long from = System.nanoTime();
    KeptPlan made = null;
    boolean wider = false;
    boolean again = false;
    try {
      List<SourceIdentity.Listing> files = node.allFiles();
      List<List<FileVersion>> versions = versions(files, node, facts, level);
      if (versions == null) {
        return 0;
      }
      if (narrower != null && !plan.sameResult(narrower.plan())) {
        return 0; // another plan has its name
      }
      List<PlanFacts.Node> same = named.stream().filter(one -> one.plan == plan || one.plan.sameResult(plan)).toList();
      BitSet columns = new BitSet();
      same.stream().filter(KeptPlans::canBeKept).forEach(one -> columns.or(one.asked));
      int asked = columns.cardinality();
      columns.or(AskedColumns.ofText(besides, plan.output().size()));
      wider = columns.cardinality() > asked;
      if (narrower != null && narrower.confDigest() == facts.confDigest) {
        columns.or(narrower.columns());
      }
      made = new KeptPlan(node.hash, node.plan, node.leaves, columns, relation(node, columns, session, level), level, files, versions,
          facts.confDigest, new AtomicReference<>());
      fill(made);
      entries.put(node.hash, made);
      fresh.add(node.hash);
      if (narrower != null) {
        narrower.letGo();
      }
      for (PlanFacts.Node one : same) {
        if (canBeRead(one) && made.has(one.asked)) {
          one.cached = "ours";
          one.kept = made;
        }
      }
      watcher.entry(node.hash, "cached", "asked", null, level);
    } catch (Throwable e) { // Scala's methods throw what they don't declare, and deep plans overflow the stack
      failed.add(node.hash);
      if (made != null) {
        made.letGo();
      }
      watcher.entry(node.hash, "dropped", "failed", e.toString(), level);
      Log.rethrowIfTheUserEndedIt(e);
      Log.rethrowIfJvmMustSeeIt(e);
      again = wider; // a column that this query does not ask for may have failed
    } finally {
      filling.remove(node.hash);
    }
    long tookNs = System.nanoTime() - from;
    if (!again) {
      return tookNs;
    }
    failed.remove(node.hash);
    return tookNs + keep(named, facts, session, level, "");
  }

  private static boolean canBeKept(PlanFacts.Node node) {
    return node.whyNot() == null && node.kept == null && canBeRead(node);
  }

  private static boolean canBeRead(PlanFacts.Node node) {
    return !node.cached.equals("user") && !node.aboveUsersCache && !node.filesSeenFromAbove && !node.partitionsSeenFromAbove && !node.overwritten && !node.limitAtRoot;
  }

  /** What Spark stores of a sub-plan; nothing is computed yet. */
  private static InMemoryRelation relation(PlanFacts.Node node, BitSet columns, SparkSession session, String level) {
    LogicalPlan below = NotKept.insteadOf(null, () -> Substitution.of(node, false));
    List<NamedExpression> kept = new ArrayList<>(KeptPlan.kept(below, columns));
    LogicalPlan plan = kept.size() == below.output().size() ? below : new Project(Compat.seq(kept), below);
    return Steering.unasked(() -> Compat.relation(session, plan, NAME_PREFIX + node.hash, StorageLevel.fromString(level)));
  }

  /** Computes and stores all partitions, as a job of the query that is being planned: what cancels the query cancels it. */
  private static void fill(KeptPlan made) {
    Steering.ours(made::fill);
  }

  /** The versions of the files, where each identifies its content; else null, and the watcher is told why. */
  private List<List<FileVersion>> versions(List<SourceIdentity.Listing> files, PlanFacts.Node node, PlanFacts facts, String level)
      throws java.io.IOException {
    SourceIdentity.Look look = facts.look();
    List<List<FileVersion>> versions = new ArrayList<>();
    for (SourceIdentity.Listing listing : files) {
      List<FileVersion> now = look.versions(listing);
      if (now.size() != listing.files().size()) {
        return null; // the files changed after the plan was made: the query runs as plain Spark would
      }
      String why = SourceIdentity.Look.unidentified(listing, now, facts.settledAtMs());
      if (why != null) {
        watcher.entry(node.hash, "dropped", "failed", "a new content of a file it reads could go unnoticed: " + why, level);
        return null;
      }
      versions.add(now);
    }
    return versions;
  }

  /** The query's plan with what is kept of it, for this execution of Spark; null: the plan is made outside of one. */
  LogicalPlan read(PlanFacts facts, QueryExecution execution) {
    for (PlanFacts.Node node : facts.nodes) {
      if (node.kept != null && entries.get(node.kept.id()) != node.kept) {
        node.kept = null; // dropped since, by the host or for another query
      }
    }
    LogicalPlan own = facts.root().plan;
    LogicalPlan plan = NotKept.insteadOf(own, () -> Substitution.of(facts.root(), true));
    if (plan != own && execution != null) {
      List<KeptPlan> read = facts.nodes.stream().map(node -> node.kept).filter(kept -> kept != null).distinct().toList();
      readBy.put(execution, read);
      planned.set(new Planned(execution, own, read));
    }
    return plan;
  }

  /**
   * Called when Spark has optimized a plan of this thread. A DataFrame object remembers its plan, and the application, or a library that follows
   * where data comes from, may ask for it or cache it: from now on that is its own plan. An RDD of it runs what the object ran, as alone, but may
   * be read at any time, when nobody can check what is kept: that is let go of then, and not kept again.
   */
  void optimized() {
    if (Steering.isOurs()) {
      return;
    }
    NotKept.optimized();
    Planned now = planned.get();
    if (now != null) {
      planned.remove();
      Compat.remembers(now.execution, now.own, () -> becomesRdd(now.read));
    }
  }

  /** Called when this thread begins a plan: what it planned before is over. */
  void anotherPlan() {
    planned.remove();
  }

  /** Called before an RDD is made of a plan that reads kept plans. MLlib makes one and reads it at once. */
  private void becomesRdd(List<KeptPlan> read) {
    Steering steering = Steering.current();
    if (steering == null || !Purpose.ofThisCall(steering).runs()) {
      letGoForGood(read);
    }
  }

  /** Lets go of what an RDD would read that the program holds. A failure is told, and harms nobody. */
  private void letGoForGood(List<KeptPlan> read) {
    try {
      for (KeptPlan entry : read) {
        failed.add(entry.id());
        drop(entry, "gone", null);
        entry.letGo();
      }
    } catch (Throwable e) {
      Log.once("held", "Sparkwright: an RDD that the program holds may read what was kept", e);
      Log.rethrowIfJvmMustSeeIt(e);
    }
  }

  /**
   * Called when Spark begins to run a plan. If it runs it again and sources have changed since, what it read of ours is dropped first, and what
   * that was computed from. A checkpoint holds an RDD of it, as the program itself may.
   */
  void runs(QueryExecution execution, Steering steering) {
    List<KeptPlan> read = execution == null ? null : readBy.get(execution);
    if (read == null) {
      return;
    }
    if (!Purpose.ofThisCall(steering).runs()) {
      letGoForGood(read);
      return;
    }
    int listFolderFrom = steering.welcome().listFolderFrom();
    SourceIdentity.Look look = new SourceIdentity.Look(listFolderFrom);
    Set<KeptPlan> all = Collections.newSetFromMap(new IdentityHashMap<>());
    all.addAll(read);
    all.addAll(entries.values());
    for (KeptPlan entry : all) {
      String error = null;
      try {
        if (isCurrent(entry, entry.files(), look)) {
          continue;
        }
      } catch (Exception e) {
        error = e.toString();
      }
      drop(entry, "source_changed", error);
      entry.letGo();
    }
  }

  /** Called when all partitions of an entry are stored. Its physical plan at the first call while the entry exists; null otherwise. */
  SparkPlan filled(String id) {
    KeptPlan entry = fresh.remove(id) ? entries.get(id) : null;
    return entry == null ? null : entry.relation().cacheBuilder().cachedPlan();
  }

  /** Drops an entry because the host asked for it. Returns whether there was such an entry. */
  boolean uncache(String id) {
    KeptPlan entry = entries.get(id);
    if (entry == null) {
      return false;
    }
    drop(entry, "asked", null);
    return true;
  }

  /** Drops all our entries. Used when a plan can't be checked: nothing kept is better than something stale. */
  void dropAll(String error) {
    for (KeptPlan entry : entries.values()) {
      drop(entry, "failed", error);
    }
  }

  private void drop(KeptPlan entry, String why, String error) {
    if (entries.remove(entry.id(), entry)) {
      fresh.remove(entry.id());
      entry.letGo();
      watcher.entry(entry.id(), "dropped", why, error, entry.level());
    }
  }
}
