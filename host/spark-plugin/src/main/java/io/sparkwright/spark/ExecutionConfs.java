package io.sparkwright.spark;

import java.lang.reflect.Field;
import java.util.AbstractMap;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.spark.internal.config.ConfigReader;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Confs that hold for one SQL execution and are seen by nobody else. Spark plans and re-plans an execution in threads that carry the execution's
 * id as a local property. Such a thread finds our value of a key; every other thread finds the session's own. So nothing has to be given back.
 *
 * <p>Ours counts only where the session has the value that it had when the policy decided. What the application sets later stands, and so does
 * what it had set in the session of a plan that it cached.
 *
 * <p>How: {@link SQLConf} keeps what was set in a map. We replace it by one that looks here first; Spark has no place for a setting of one
 * execution. If this Spark keeps its settings elsewhere, queries run with the session's own confs.
 */
final class ExecutionConfs {
  private static final Field SETTINGS = field("settings");
  private static final Field READER = field("reader");

  /** @param instead what the session that was asked for has itself; null: Spark's default */
  record Ours(String value, String instead) {}

  private final Supplier<Long> execution;
  private final Map<Long, Map<String, Ours>> byExecution = new ConcurrentHashMap<>();
  /** Every key that an execution ever had: for all others nothing is looked up. */
  private final Set<String> keys = ConcurrentHashMap.newKeySet();
  /** The executions in {@link #byExecution}, oldest first. */
  private final Set<Long> open = Collections.newSetFromMap(new LinkedHashMap<>());

  /** @param execution gives the SQL execution that the current thread is in, or null */
  ExecutionConfs(Supplier<Long> execution) {
    this.execution = execution;
  }

  private static Field field(String name) {
    try {
      Field field = SQLConf.class.getDeclaredField(name);
      field.setAccessible(true);
      return field;
    } catch (ReflectiveOperationException | RuntimeException e) {
      Log.once("SQLConf." + name, "Sparkwright: queries run with the session's own confs, this version of Spark has another SQLConf", e);
      return null;
    }
  }

  /** Has this session look here first; once is enough. Says whether it does. */
  boolean reach(SQLConf conf) {
    return conf.settings() instanceof Layered layered ? layered.belongsTo(this) : layOver(conf);
  }

  private synchronized boolean layOver(SQLConf conf) {
    Map<String, String> settings = conf.settings();
    if (settings instanceof Layered layered) {
      return layered.belongsTo(this); // another thread was faster
    }
    if (SETTINGS == null || READER == null) {
      return false;
    }
    try {
      Layered layered = new Layered(settings);
      READER.set(conf, new ConfigReader(layered));
      SETTINGS.set(conf, layered);
      return true;
    } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
      Log.once("SQLConf", "Sparkwright: queries run with the session's own confs, Spark's SQLConf can't be changed", e);
      return false;
    }
  }

  /** The confs of an execution, in place of those that it had. Of more than {@code openAtMost} executions the oldest are forgotten. */
  synchronized void put(long id, Map<String, Ours> confs, int openAtMost) {
    open.remove(id);
    if (confs.isEmpty()) {
      byExecution.remove(id);
      return;
    }
    keys.addAll(confs.keySet());
    byExecution.put(id, Map.copyOf(confs));
    open.add(id);
    while (open.size() > openAtMost) {
      ended(open.iterator().next());
    }
  }

  synchronized void ended(long id) {
    open.remove(id);
    byExecution.remove(id);
  }

  synchronized void clear() {
    open.clear();
    byExecution.clear();
  }

  /** Whether the current thread finds our value in a session, since it is in an execution that has one. */
  boolean holds(SQLConf conf, String key) {
    return conf.settings() instanceof Layered && over(key, ofSession(conf, key)) != null;
  }

  /** Our value in the place of the session's {@code own}, for the execution that the current thread is in; null where the session's stands. */
  private String over(Object key, String own) {
    if (byExecution.isEmpty() || !keys.contains(key)) {
      return null;
    }
    Long id = execution.get();
    Map<String, Ours> confs = id == null ? null : byExecution.get(id);
    Ours ours = confs == null ? null : confs.get(key);
    return ours != null && Objects.equals(own, ours.instead) ? ours.value : null;
  }

  /** What somebody set in the session itself, whatever we say for an execution; null: Spark's default holds. */
  static String ofSession(SQLConf conf, String key) {
    Map<String, String> settings = conf.settings();
    return settings instanceof Layered layered ? layered.session.get(key) : settings.get(key);
  }

  /** A session's settings, under ours. The map below is Spark's own, which locks itself; who goes through this one goes through a copy. */
  private final class Layered extends AbstractMap<String, String> {
    final Map<String, String> session;

    Layered(Map<String, String> session) {
      this.session = session;
    }

    boolean belongsTo(ExecutionConfs confs) {
      return ExecutionConfs.this == confs;
    }

    @Override
    public String get(Object key) {
      String own = session.get(key);
      String ours = over(key, own);
      return ours == null ? own : ours;
    }

    @Override
    public boolean containsKey(Object key) {
      return get(key) != null;
    }

    @Override
    public String put(String key, String value) {
      return session.put(key, value);
    }

    @Override
    public String remove(Object key) {
      return session.remove(key);
    }

    @Override
    public void clear() {
      session.clear();
    }

    @Override
    public int size() {
      return session.size();
    }

    /** The session's own alone: what is copied or listed is what its user has set. */
    @Override
    public Set<Entry<String, String>> entrySet() {
      synchronized (session) {
        return Collections.unmodifiableMap(new HashMap<>(session)).entrySet();
      }
    }
  }
}
