package io.sparkwright.spark;

import java.lang.ref.WeakReference;
import java.time.LocalDate;
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
import org.apache.spark.sql.catalyst.util.DateTimeUtils;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Sets the managed confs of queries and sessions; a key that the user set is never changed. A query's confs hold for its plan only
 * ({@link ExecutionConfs}). Only those of the {@code conf} command are written into the session itself, until it takes them back or the
 * application is unsteered.
 */
final class SessionConfs {
  /** The value of one key and who set it. Owner: {@code default}, {@code user} or {@code ours}. */
  record Value(String value, String owner) {}

  /** @param original the session's value before ours; null: it was not set there */
  private record Written(String value, String original) {}

  private static final class Session {
    final WeakReference<SQLConf> conf;
    final Map<String, Written> written = new HashMap<>();
    /** Set by the {@code conf} command. Holds for all queries until the host is lost; a query's own answer takes precedence. */
    final Map<String, String> standing = new HashMap<>();

    Session(SQLConf conf) {
      this.conf = new WeakReference<>(conf);
    }
  }

  private static final String SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions";

  /** Belongs to no session: used to test whether Spark accepts a value. */
  private static final SQLConf SCRATCH = new SQLConf();

  private final Map<String, Session> sessions = new HashMap<>();
  private final ExecutionConfs executions;
  private final SparkConf sparkConf;
  private final Set<String> ownConfs;
  /** The session confs that answers may set; empty before the host's welcome. */
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

  /** Takes the managed keys and the limit from the host's welcome. */
  synchronized void manage(Welcome welcome) {
    keys = welcome.managedKeys();
    openAtMost = welcome.openExecutionsAtMost();
  }

  /** The present value of each managed key. Keys that this version of Spark does not know are left out. */
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
   * Sets {@code wanted} as the confs of an execution or, without one, of the plan that this thread makes. They replace all that an earlier
   * answer set.
   *
   * @param execution the SQL execution; null: the plan is made outside of one
   */
  synchronized void apply(String sessionId, SQLConf conf, Map<String, String> wanted, Long execution) {
    Session session = session(sessionId, conf);
    Map<String, String> managed = new HashMap<>(wanted);
    managed.keySet().retainAll(keys);
    if (!executions.reach(conf)) {
      return;
    }
    Map<String, ExecutionConfs.Ours> ours = new HashMap<>();
    managed.forEach((key, value) -> {
      if (!userHas(session, conf, key) && refusal(key, value) == null) {
        ours.put(key, new ExecutionConfs.Ours(value, set(conf, key)));
      }
    });
    if (execution == null) {
      executions.plan(conf, ours);
    } else {
      executions.put(execution, ours, openAtMost);
    }
  }

  /** Called when this thread begins a plan: the confs of the last one that it made outside of an execution are over. */
  void anotherPlan() {
    executions.forgetPlan();
  }

  /** See {@link ExecutionConfs#inCopies}. */
  void inCopies(Runnable action) {
    executions.inCopies(action);
  }

  /** Lets a session use the confs of executions. */
  void reach(SQLConf conf) {
    executions.reach(conf);
  }

  /**
   * Sets values that stay between queries. An empty value takes ours back; a value that the user has set since then stays.
   *
   * @return the keys that were not set, each with the reason
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
    write(session, conf).forEach((key, why) -> {
      session.standing.remove(key);
      refused.put(key, why);
    });
    return refused;
  }

  /** Called when a SQL execution has ended: drops its confs. */
  synchronized void ended(long execution) {
    executions.ended(execution);
    sessions.values().removeIf(session -> session.conf.get() == null);
  }

  /** Called when the application is unsteered: every session gets its own values back. */
  synchronized void restoreAll() {
    executions.clear();
    for (Session session : sessions.values()) {
      session.standing.clear();
      SQLConf conf = session.conf.get();
      if (conf != null) {
        write(session, conf);
      }
    }
  }

  /** Writes the standing values into the session. Returns the keys that Spark refused, each with its message. */
  private Map<String, String> write(Session session, SQLConf conf) {
    Map<String, String> failed = new TreeMap<>();
    Map<String, String> wanted = new HashMap<>(session.standing);
    for (String key : List.copyOf(session.written.keySet())) {
      Written ours = session.written.get(key);
      if (!ours.value.equals(set(conf, key))) {
        session.written.remove(key); // the user has set it since then: the user's value stays
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

  /** Why Spark refuses a value; null if it accepts it. */
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

  /** The value that is set in the session, which starts with all of SparkConf; null: Spark's default holds. */
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
   * Recognises our values in a session that was cloned from a steered one (streaming queries and Spark Connect clone sessions). Without
   * this they would count as the user's and stay for ever.
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

  /** Settings that change how a query runs, never its rows. All others are part of a cached plan's identity. */
  private static final List<String> NEUTRAL = List.of(
      "spark.sql.adaptive.", "spark.sql.shuffle.", "spark.sql.autoBroadcastJoinThreshold", "spark.sql.broadcastTimeout",
      "spark.sql.files.max", "spark.sql.files.min", "spark.sql.files.openCostInBytes", "spark.sql.inMemoryColumnarStorage.",
      "spark.sql.ui.", "spark.sql.repl.", "spark.sql.execution.arrow.", "spark.sql.sources.bucketing.", "spark.sql.extensions",
      "spark.sql.warehouse.dir", "spark.sql.catalogImplementation", "spark.sql.leafNodeDefaultParallelism",
      "spark.sql.join.preferSortMergeJoin", "spark.sql.cbo.", "spark.sql.defaultCacheStorageLevel",
      "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning", "spark.sql.codegen.", "spark.sql.debug.",
      "spark.sql.artifact.", "spark.sql.queryExecutionListeners", "spark.sql.event.");

  /**
   * Digest of every session setting that may change a plan's rows (time zone, ANSI mode, reader options, …), and of shuffle partitions
   * that the user set: the user then expects that number of partitions, or of files written. The day is part of it: a text without a
   * date is a time of today where it is read as a timestamp.
   */
  synchronized long digest(String sessionId, SQLConf conf) {
    Map<String, String> settings = conf.settings();
    long digest = userHas(session(sessionId, conf), conf, SHUFFLE_PARTITIONS)
        ? Mix.of(String.valueOf(set(conf, SHUFFLE_PARTITIONS)))
        : 0;
    digest += Mix.with(Mix.of("day"), LocalDate.now(DateTimeUtils.getZoneId(conf.sessionLocalTimeZone())).toEpochDay());
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
