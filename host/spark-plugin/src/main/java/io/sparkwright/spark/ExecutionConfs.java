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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import org.apache.spark.internal.config.ConfigReader;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Confs that hold for one plan only. Spark plans and re-plans an execution in threads that have the execution's id as a local property. A
 * thread with that id reads our value of a key; every other thread reads the session's own. A plan that is made outside of an execution
 * ({@code df.rdd}, MLlib, Spark Connect) has them for as long as the call of Spark lasts that makes it, and in the execution that the same
 * thread then begins for it. So nothing has to be restored.
 *
 * <p>Our value is used only while the session's own value is still the one that it had when the policy decided. So a value that the
 * application sets later is used instead, and so is another value in the session of a cached plan that the execution computes.
 *
 * <p>Spark has no confs of a single execution. {@link SQLConf} stores its settings in a map, which is replaced by one that looks here
 * first. If this version of Spark stores them elsewhere, queries run with the session's own confs.
 */
final class ExecutionConfs {
  private static final String CACHE_BUILDER = "org.apache.spark.sql.execution.columnar.CachedRDDBuilder";

  private static final String QUERY_EXECUTION = "org.apache.spark.sql.execution.QueryExecution";

  private static final Field SETTINGS = field("settings");
  private static final Field READER = field("reader");

  /** @param instead the session's own value when the policy decided; null: Spark's default held */
  record Ours(String value, String instead) {}

  /**
   * A plan that this thread makes, or made, outside of an execution.
   *
   * @param settings of the session that it is planned in
   * @param call where in the thread's stack the call is that plans it
   * @param generation of all confs: those of before {@link #clear} do not count
   * @param execution that runs it in this thread, as soon as there is one: Spark Connect and the Thrift server plan first
   */
  private record Planning(
      Map<String, String> settings, Call call, int generation, Map<String, Ours> confs, AtomicReference<Long> execution) {
    boolean runsIn(Long id) {
      return execution.compareAndSet(null, id) || id.equals(execution.get());
    }
  }

  /** The outermost call of a {@code QueryExecution} in a stack: its method, and how many frames are outside of it. */
  private record Call(String method, long outside) {}

  private final Supplier<Long> execution;
  private final LongConsumer begins;
  /** The execution that this thread was in when Spark last copied a session's confs. */
  private final ThreadLocal<Long> begun = new ThreadLocal<>();
  private final Map<Long, Map<String, Ours>> byExecution = new ConcurrentHashMap<>();
  /** Every key that any execution has ever had. For all other keys the current execution is not looked up. */
  private final Set<String> keys = ConcurrentHashMap.newKeySet();
  /** The executions in {@link #byExecution}, oldest first. */
  private final Set<Long> open = Collections.newSetFromMap(new LinkedHashMap<>());

  private final ThreadLocal<Planning> planning = new ThreadLocal<>();
  private final AtomicInteger generation = new AtomicInteger();

  /** Set in a thread while copies of a session's confs that it makes contain ours. */
  private final ThreadLocal<Boolean> copyingOurs = ThreadLocal.withInitial(() -> false);

  /**
   * @param execution returns the SQL execution of the current thread, or null
   * @param begins gets each execution in the thread that begins it, before Spark runs its plan
   */
  ExecutionConfs(Supplier<Long> execution, LongConsumer begins) {
    this.execution = execution;
    this.begins = begins;
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

  /** Makes the session look here first; further calls change nothing. Returns whether the session does so now. */
  boolean reach(SQLConf conf) {
    return conf.settings() instanceof Layered layered ? layered.belongsTo(this) : layOver(conf);
  }

  private synchronized boolean layOver(SQLConf conf) {
    Map<String, String> settings = conf.settings();
    if (settings instanceof Layered layered) {
      return layered.belongsTo(this); // another thread has done it meanwhile
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

  /** Replaces the confs of an execution. If there are more than {@code openAtMost} executions, the oldest are dropped. */
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

  /**
   * Replaces the confs of what this thread plans outside of an execution. They hold in this session, until the call of {@code QueryExecution}
   * returns that the thread is in.
   */
  void plan(SQLConf conf, Map<String, Ours> confs) {
    Call call = confs.isEmpty() ? null : planningCall();
    if (call == null || !(conf.settings() instanceof Layered layered)) {
      planning.remove();
      return;
    }
    keys.addAll(confs.keySet());
    planning.set(new Planning(layered.session, call, generation.get(), Map.copyOf(confs), new AtomicReference<>()));
  }

  void forgetPlan() {
    planning.remove();
  }

  /** The call that plans in this thread; null: none. */
  private static Call planningCall() {
    return StackWalker.getInstance().walk(frames -> {
      Call outermost = null;
      long inside = 0;
      long all = 0;
      for (var it = frames.iterator(); it.hasNext(); all++) {
        StackWalker.StackFrame frame = it.next();
        if (frame.getClassName().equals(QUERY_EXECUTION)) {
          outermost = new Call(frame.getMethodName(), 0);
          inside = all;
        }
      }
      return outermost == null ? null : new Call(outermost.method, all - inside);
    });
  }

  synchronized void ended(long id) {
    open.remove(id);
    byExecution.remove(id);
  }

  /**
   * Runs an action during which copies of a session's confs contain our values for the current thread's execution. Spark plans what it caches
   * in a clone of the session, and re-plans it later in threads of any execution or of none.
   */
  void inCopies(Runnable action) {
    copyingOurs.set(true);
    try {
      action.run();
    } finally {
      copyingOurs.remove();
    }
  }

  synchronized void clear() {
    open.clear();
    byExecution.clear();
    generation.incrementAndGet();
  }

  /** Whether the current thread reads our value of the key, because its execution has one. */
  boolean holds(SQLConf conf, String key) {
    return conf.settings() instanceof Layered && over(key, ofSession(conf, key), settings(conf)) != null;
  }

  /** Our value for what the current thread plans, to be used instead of the session's {@code own}; null if the session's is used. */
  private String over(Object key, String own, Map<String, String> settings) {
    if (!keys.contains(key)) {
      return null;
    }
    Ours ours = confs(settings).get(key);
    return ours != null && Objects.equals(own, ours.instead) ? ours.value : null;
  }

  /** The confs of what the current thread plans in the session with these settings. */
  private Map<String, Ours> confs(Map<String, String> settings) {
    Planning plan = planning.get();
    if (byExecution.isEmpty() && plan == null) {
      return Map.of();
    }
    Long id = execution.get();
    Map<String, Ours> known = id == null ? null : byExecution.get(id);
    if (known != null) {
      return known;
    }
    boolean holds = plan != null && plan.settings == settings && plan.generation == generation.get()
        && (id == null ? plan.call.equals(planningCall()) : plan.runsIn(id));
    return holds ? plan.confs : Map.of();
  }

  private static Map<String, String> settings(SQLConf conf) {
    return conf.settings() instanceof Layered layered ? layered.session : conf.settings();
  }

  /** The value that is set in the session itself, without our values for executions; null: Spark's default holds. */
  static String ofSession(SQLConf conf, String key) {
    Map<String, String> settings = conf.settings();
    return settings instanceof Layered layered ? layered.session.get(key) : settings.get(key);
  }

  /** Whether Spark's builder of cached plans is what copies the confs: it fills, and re-plans, with a copy of those of the thread's session. */
  private static boolean fillsCachedPlan() {
    return StackWalker.getInstance().walk(frames -> frames.limit(WithoutHost.COPY_FRAMES)
        .anyMatch(frame -> frame.getClassName().startsWith(CACHE_BUILDER)));
  }

  /** A session's settings with our values in front. The map behind it is Spark's synchronized one; iteration runs over a copy of it. */
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
      String ours = over(key, own, session);
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
      return entrySet().size();
    }

    /**
     * The session's own settings only, so that copies and listings of the confs do not contain ours. Two copies are made to plan with, and do:
     * the one of {@link #inCopies}, and that with which Spark 4.3 fills a cached plan.
     */
    @Override
    public Set<Entry<String, String>> entrySet() {
      Long id = ExecutionConfs.this.execution.get();
      if (id != null && !id.equals(begun.get())) {
        begun.set(id);
        begins.accept(id); // Spark copies all confs for the tasks of an execution as it begins
      }
      Map<String, String> listed;
      synchronized (session) {
        listed = new HashMap<>(session);
      }
      Map<String, String> ours = new HashMap<>();
      for (String key : keys) {
        String value = over(key, listed.get(key), session);
        if (value != null) {
          ours.put(key, value);
        }
      }
      if (!ours.isEmpty() && (copyingOurs.get() || fillsCachedPlan())) {
        listed.putAll(ours);
      }
      return Collections.unmodifiableMap(listed).entrySet();
    }
  }
}
