package io.sparkwright.spark;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Sets the managed confs of queries and sessions; a key that the user set is never touched. What a query is to run with holds for its
 * execution alone ({@link ExecutionConfs}). Two things are written into the session: what a plan made outside of an execution ({@code df.rdd},
 * MLlib) is to run with, until the session's next question, and what the {@code conf} command sets, until it takes it back.
 */
final class SessionConfs {
  /** What a session says about one key. Owner: {@code default}, {@code user} or {@code ours}. */
  record Value(String value, String owner) {}

  /** @param original what the session had before us; null: it was not set there */
  private record Written(String value, String original) {}

  private static final class Session {
    final WeakReference<SQLConf> conf;
    final Map<String, Written> written = new HashMap<>();
    /** What the {@code conf} command set: holds under every answer until the host is lost. */
    final Map<String, String> standing = new HashMap<>();

    Session(SQLConf conf) {
      this.conf = new WeakReference<>(conf);
    }
  }

  private static final String SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions";

  /** Belongs to no session: says whether Spark takes a value. */
  private static final SQLConf SCRATCH = new SQLConf();

  private final Map<String, Session> sessions = new HashMap<>();
  private final ExecutionConfs executions;
  private final SparkConf sparkConf;
  private final Set<String> ownConfs;
  /** The session confs that answers may set; none before a host has said which. */
  private List<String> keys = List.of();
  private int openAtMost;

  SessionConfs(SparkConf sparkConf, ExecutionConfs executions) {
    this.sparkConf = sparkConf;
    this.executions = executions;
    this.ownConfs = Arrays.stream(sparkConf.get("spark.sparkwright.ownConfs", "").split(","))
        .map(String::trim)
        .filter(key -> !key.isEmpty())
        .collect(Collectors.toUnmodifiableSet());
  }

  /** What the host said of it. */
  synchronized void manage(Welcome welcome) {
    keys = welcome.managedKeys();
    openAtMost = welcome.openExecutionsAtMost();
  }

  /** Each managed key as the session has it now. Keys that this Spark does not know are left out. */
  synchronized Map<String, Value> values(String sessionId, SQLConf conf) {
    Session session = session(sessionId, conf);
    Map<String, Value> values = new TreeMap<>();
    for (String key : keys) {
      try {
        values.put(key, new Value(conf.getConfString(key), owner(session, conf, key)));
      } catch (NoSuchElementException e) {
        Log.debug("Sparkwright: this Spark has no " + key, e);
      }
    }
    return values;
  }

  /**
   * Makes {@code wanted} the whole set of what we say for an execution, or else in this session: other keys of ours go back to what the
   * session had.
   *
   * @param execution the SQL execution that this is for; null: the session, until its next question
   */
  synchronized void apply(String sessionId, SQLConf conf, Map<String, String> wanted, Long execution) {
    Session session = session(sessionId, conf);
    Map<String, String> managed = new HashMap<>(wanted);
    managed.keySet().retainAll(keys);
    write(session, conf, execution == null ? managed : Map.of());
    if (execution != null && executions.reach(conf)) {
      Map<String, ExecutionConfs.Ours> ours = new HashMap<>();
      managed.forEach((key, value) -> {
        if (!userHas(session, conf, key) && refusal(key, value) == null) {
          ours.put(key, new ExecutionConfs.Ours(value, set(conf, key)));
        }
      });
      executions.put(execution, ours, openAtMost);
    }
  }

  /** A session that plans for an execution of another, as the one that Spark clones to plan what it caches, runs it with the same confs. */
  void reach(SQLConf conf) {
    executions.reach(conf);
  }

  /**
   * Values that stay between queries; an empty value takes ours back, whoever has set the key since.
   *
   * @return why, for each key that is not set
   */
  synchronized Map<String, String> set(String sessionId, SQLConf conf, Map<String, String> values) {
    Session session = session(sessionId, conf);
    Map<String, String> refused = new TreeMap<>();
    values.forEach((key, value) -> {
      if (value.isEmpty()) {
        session.standing.remove(key);
      } else if (!keys.contains(key)) {
        refused.put(key, "it is not one of the managed keys");
      } else if (userHas(session, conf, key)) {
        refused.put(key, "the user set it to `" + set(conf, key) + "`");
      } else {
        session.standing.put(key, value);
      }
    });
    write(session, conf, Map.of()).forEach((key, why) -> {
      session.standing.remove(key);
      refused.put(key, why);
    });
    return refused;
  }

  /** The SQL execution is over: what it ran with can be forgotten. */
  synchronized void ended(long execution) {
    executions.ended(execution);
    sessions.values().removeIf(session -> session.conf.get() == null);
  }

  /** Nobody steers any more: every session gets its own values back. */
  synchronized void restoreAll() {
    executions.clear();
    for (Session session : sessions.values()) {
      session.standing.clear();
      SQLConf conf = session.conf.get();
      if (conf != null) {
        write(session, conf, Map.of());
      }
    }
  }

  /** What Spark said to keys that it did not take. */
  private Map<String, String> write(Session session, SQLConf conf, Map<String, String> answer) {
    Map<String, String> failed = new TreeMap<>();
    Map<String, String> wanted = new HashMap<>(session.standing);
    wanted.putAll(answer);
    for (String key : List.copyOf(session.written.keySet())) {
      Written ours = session.written.get(key);
      if (!ours.value.equals(set(conf, key))) {
        session.written.remove(key); // the user has set it since: it is the user's now
      } else if (!wanted.containsKey(key)) {
        restore(conf, key, ours.original);
        session.written.remove(key);
      }
    }
    wanted.forEach((key, value) -> {
      if (userHas(session, conf, key) || value.equals(set(conf, key))) {
        return;
      }
      String refusal = refusal(key, value);
      if (refusal == null) {
        Written before = session.written.get(key);
        String original = before == null ? set(conf, key) : before.original;
        conf.setConfString(key, value);
        session.written.put(key, new Written(value, original));
      } else {
        failed.put(key, refusal);
      }
    });
    return failed;
  }

  /** Why Spark does not take a value; null where it does. */
  private static String refusal(String key, String value) {
    try {
      SCRATCH.setConfString(key, value);
      return null;
    } catch (RuntimeException e) {
      Log.once("conf " + key, "Sparkwright: " + key + " stays as it is, Spark does not take the value `" + value + "`", e);
      return "Spark does not take `" + value + "`: " + e.getMessage();
    }
  }

  private static void restore(SQLConf conf, String key, String original) {
    if (original == null) {
      conf.unsetConf(key);
    } else {
      conf.setConfString(key, original);
    }
  }

  private boolean userHas(Session session, SQLConf conf, String key) {
    return ownerInSession(session, conf, key).equals("user");
  }

  private String owner(Session session, SQLConf conf, String key) {
    return executions.holds(conf, key) ? "ours" : ownerInSession(session, conf, key);
  }

  private String ownerInSession(Session session, SQLConf conf, String key) {
    String value = set(conf, key);
    if (value == null) {
      return "default";
    }
    Written ours = session.written.get(key);
    if (ours != null && ours.value.equals(value)) {
      return "ours";
    }
    return ownConfs.contains(key) && value.equals(sparkConf.get(key, null)) ? "ours" : "user";
  }

  /** The value that somebody set in the session (a session starts with all of SparkConf); null: Spark's default holds. */
  private static String set(SQLConf conf, String key) {
    return ExecutionConfs.ofSession(conf, key);
  }

  private Session session(String sessionId, SQLConf conf) {
    Session known = sessions.get(sessionId);
    if (known == null || known.conf.get() != conf) {
      known = new Session(conf);
      inherit(known, conf);
      sessions.put(sessionId, known);
    }
    return known;
  }

  /**
   * A session cloned from a steered one (streaming queries and Spark Connect do that) starts with what we wrote there. Without
   * this it would look like the user's and stay for ever.
   */
  private void inherit(Session fresh, SQLConf conf) {
    for (Session other : sessions.values()) {
      boolean same = !other.written.isEmpty()
          && other.written.entrySet().stream().allMatch(ours -> ours.getValue().value.equals(set(conf, ours.getKey())));
      if (same) {
        fresh.written.putAll(other.written);
        return;
      }
    }
  }

  /** Settings that say how a query is run and never what it yields; all others are part of a cached plan's identity. */
  private static final List<String> NEUTRAL = List.of(
      "spark.sql.adaptive.", "spark.sql.shuffle.", "spark.sql.autoBroadcastJoinThreshold", "spark.sql.broadcastTimeout",
      "spark.sql.files.max", "spark.sql.files.min", "spark.sql.files.openCostInBytes", "spark.sql.inMemoryColumnarStorage.",
      "spark.sql.ui.", "spark.sql.repl.", "spark.sql.execution.arrow.", "spark.sql.sources.bucketing.", "spark.sql.extensions",
      "spark.sql.warehouse.dir", "spark.sql.catalogImplementation", "spark.sql.leafNodeDefaultParallelism",
      "spark.sql.join.preferSortMergeJoin", "spark.sql.cbo.", "spark.sql.defaultCacheStorageLevel",
      "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning", "spark.sql.codegen.", "spark.sql.debug.",
      "spark.sql.artifact.", "spark.sql.queryExecutionListeners", "spark.sql.event.");

  /**
   * Digest of everything set in the session that may change what a plan yields (time zone, ANSI mode, reader options, …), and of
   * the user's own shuffle partitions: who sets them means to see as many partitions, or files written.
   */
  synchronized long digest(String sessionId, SQLConf conf) {
    Map<String, String> settings = conf.settings();
    long digest = userHas(session(sessionId, conf), conf, SHUFFLE_PARTITIONS)
        ? Mix.of(String.valueOf(set(conf, SHUFFLE_PARTITIONS)))
        : 0;
    synchronized (settings) {
      for (Map.Entry<String, String> entry : settings.entrySet()) {
        if (matters(entry.getKey()) && !keys.contains(entry.getKey())) {
          // summed, since a map has no order
          digest += Mix.with(Mix.of(entry.getKey()), Mix.of(String.valueOf(entry.getValue())));
        }
      }
    }
    return digest;
  }

  private static boolean matters(String key) {
    if (key.startsWith("spark.") && !key.startsWith("spark.sql.") && !key.startsWith("spark.hadoop.")) {
      return false;
    }
    for (String neutral : NEUTRAL) {
      if (key.startsWith(neutral)) {
        return false;
      }
    }
    return true;
  }
}
