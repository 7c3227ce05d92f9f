package io.sparkwright.spark;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;

/**
 * The steering of one application: whether a host steers it, and the parts that carry out the host's answers and commands. An unsteered
 * application stays unsteered; only the check of cached plans goes on.
 */
final class Steering {
  private enum State { WAITING, STEERED, UNSTEERED, CLOSED }

  private static final String ALIVE = Messages.ours("alive").toString();

  private static volatile Steering current;
  private static final ThreadLocal<Integer> OURS = ThreadLocal.withInitial(() -> 0);

  private final SparkContext context;
  private final SparkConf conf;
  private final EventQueue events = new EventQueue();
  private final EventForwarder forwarder = new EventForwarder(this);
  private final SessionConfs confs;
  private final SourceIdentity identity = new SourceIdentity();
  private final KeptPlans entries;
  private final StorageWatch storage;
  private final Commands commands;
  private final TempTables tables;
  private final Leases leases;
  private final OwnCost cost = new OwnCost();
  private final ScheduledThreadPoolExecutor clock;
  private final AtomicReference<State> state = new AtomicReference<>(State.WAITING);
  /** Counted down once it is known whether a host steers the application. */
  private final CountDownLatch settled = new CountDownLatch(1);
  private volatile String unsteeredReason;
  private volatile Welcome welcome;
  private volatile Integer ifLost;
  private volatile HostConnection connection;
  private volatile HostProcess started;

  Steering(SparkContext context, SparkConf conf) {
    this.context = context;
    this.conf = conf;
    this.confs = new SessionConfs(conf, new ExecutionConfs(() -> SparkInternals.executionId(context), this::begins));
    this.entries = new KeptPlans(
        (id, what, why, error, level) -> events.say(Messages.entry(id, what, why, error, level)));
    this.storage = new StorageWatch(context, entries);
    this.commands = new Commands(context, this);
    this.tables = new TempTables(context);
    this.leases = new Leases(context);
    this.clock = new ScheduledThreadPoolExecutor(1, task -> daemon("clock", task));
    this.clock.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    this.ifLost = ifLost(conf);
  }

  static void install(Steering steering) {
    Log.forget();
    current = steering;
  }

  /** The steering of the live SparkContext; null when there is none. */
  static Steering current() {
    Steering steering = current;
    return steering == null || steering.state.get() == State.CLOSED ? null : steering;
  }

  /** Runs {@code task}; the host is not asked about plans that Spark makes for it. */
  static void ours(Runnable task) {
    unasked(() -> {
      task.run();
      return null;
    });
  }

  /** {@link #ours(Runnable)} with a result. */
  static <T> T unasked(Supplier<T> task) {
    OURS.set(OURS.get() + 1);
    try {
      return task.get();
    } finally {
      OURS.set(OURS.get() - 1);
    }
  }

  static boolean isOurs() {
    return OURS.get() > 0;
  }

  static Thread daemon(String name, Runnable task) {
    Thread thread = new Thread(task, "sparkwright-" + name);
    thread.setDaemon(true);
    return thread;
  }

  /** Called when this thread begins a SQL execution. */
  private void begins(long execution) {
    Welcome accepted = welcome;
    if (accepted == null || isOurs()) {
      return;
    }
    try {
      entries.runs(SparkInternals.queryExecution(execution), this);
    } catch (Throwable e) { // Scala's methods throw what they don't declare
      Log.rethrowIfTheUserEndedIt(e);
      Log.once("runs", "Sparkwright: whether a plan that runs again reads what has changed is not known", e);
      Log.rethrowIfJvmMustSeeIt(e);
    }
  }

  void listen() {
    SparkInternals.addListener(context, forwarder, "sparkwright");
    SparkInternals.addListener(context, new EventForwarder.EndOfExecution(confs), "sparkwright-confs");
  }

  /**
   * If the application was started without a host: starts one, and sets the confs of its launch plan, which must be set before the
   * scheduler exists. If any of this fails, the application starts as it would without Sparkwright.
   */
  void launch() {
    if (!conf.get("spark.sparkwright.socket", "").isEmpty()) {
      return;
    }
    try {
      started = HostProcess.start(conf);
      LaunchConfs.ask(context, conf, started, clock);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException | RuntimeException e) {
      Log.debug("Sparkwright: no launch plan", e); // a host that can't be reached is warned about when the plugin connects to it
    }
    ifLost = ifLost(conf);
  }

  private static Integer ifLost(SparkConf conf) {
    int total = conf.getInt("spark.sparkwright.executorsIfLost", -1);
    return total < 0 ? null : total;
  }

  void connect(String application) {
    connection = new HostConnection(context, conf, application, this, started);
    connection.start();
  }

  /** Called when the host has accepted the application. */
  void steered(Welcome accepted) {
    welcome = accepted;
    ifLost = accepted.executorsIfLost();
    events.limit(accepted.eventQueueLength());
    confs.manage(accepted);
    // the first read is at once, so that the first question has it
    clock.scheduleWithFixedDelay(this::watchStorage, 0, accepted.storageLookMs(), TimeUnit.MILLISECONDS);
    clock.scheduleWithFixedDelay(this::live, 0, accepted.aliveMs(), TimeUnit.MILLISECONDS);
    state.compareAndSet(State.WAITING, State.STEERED);
    settled.countDown();
  }

  private void watchStorage() {
    try {
      if (state.get() == State.STEERED && !context.isStopped() && storage.look()) {
        events.say(storage.message());
      }
    } catch (Throwable e) {
      Log.debug("Sparkwright: looking at storage", e);
      Log.rethrowIfJvmMustSeeIt(e);
    }
  }

  /** Sends a heartbeat, unless other lines still wait to be written. */
  private void live() {
    if (state.get() == State.STEERED && events.isEmpty()) {
      events.say(ALIVE);
    }
  }

  /**
   * Ends the steering for good: the host is gone, does not answer or was never reached. The application goes on with Spark's own settings.
   *
   * @param tellHost whether the host may still read a last line
   */
  void unsteer(String reason, boolean tellHost) {
    if (!state.compareAndSet(State.STEERED, State.UNSTEERED) && !state.compareAndSet(State.WAITING, State.UNSTEERED)) {
      return;
    }
    unsteeredReason = reason;
    settled.countDown();
    if (context.isStopped()) {
      return; // the host saw the application's end and closed the connection before our last line
    }
    Log.once("unsteered", "Sparkwright: the application goes on unsteered, with Spark's own settings: " + reason, null);
    events.close(tellHost ? Messages.ours("unsteered").put("reason", reason).toString() : null);
    confs.restoreAll();
    Integer total = ifLost;
    if (total != null) {
      commands.ifLost(total);
    }
    HostConnection host = connection;
    if (host != null) {
      host.close(tellHost);
    }
  }

  void shutdown() {
    if (state.get() == State.STEERED) {
      try {
        forwarder.awaitEnd(WithoutHost.BYE_MS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    State before = state.getAndSet(State.CLOSED);
    settled.countDown();
    leases.close();
    HostConnection host = connection;
    if (host != null && before != State.UNSTEERED) {
      host.bye();
    } else if (host != null) {
      host.close(false);
    }
    events.close(null);
    commands.stop();
    clock.shutdownNow();
  }

  /**
   * The state of the steering as JSON: {@code steered}, {@code waiting} (for the host's welcome), {@code unsteered} or, once the
   * application has ended, {@code absent}; each but {@code steered} with the reason.
   *
   * @param waitMs how long to wait for the host's welcome, milliseconds
   */
  ObjectNode describe(long waitMs) throws InterruptedException {
    settled.await(Math.max(0, waitMs), TimeUnit.MILLISECONDS);
    State now = state.get();
    HostConnection host = connection;
    Welcome accepted = welcome;
    ObjectNode about = Messages.object().put("state", now == State.CLOSED ? "absent" : now.name().toLowerCase(Locale.ROOT));
    about.put("reason", switch (now) {
      case STEERED -> null;
      case WAITING -> "the host has not answered yet";
      case UNSTEERED -> unsteeredReason;
      case CLOSED -> "the application has ended";
    });
    return about
        .put("socket", now == State.STEERED && host != null ? host.socket().toString() : null)
        .put("mode", now == State.STEERED && accepted != null ? accepted.mode() : null)
        .put("application", context.applicationId())
        .put("spark", context.version());
  }

  /**
   * Waits until every event so far is written to the host's socket.
   *
   * @return whether that was done within {@code ms} milliseconds; also false when no host steers
   */
  boolean flush(long ms) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
    try {
      SparkInternals.waitForListeners(context, ms);
    } catch (TimeoutException e) {
      return false;
    }
    boolean written = events.mark().await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
    return written && state.get() == State.STEERED;
  }

  /** Whether the host is asked about queries. */
  boolean asks() {
    Welcome accepted = welcome;
    return state.get() == State.STEERED && accepted != null && accepted.asks();
  }

  boolean isSteered() {
    return state.get() == State.STEERED;
  }

  SparkContext context() {
    return context;
  }

  EventQueue events() {
    return events;
  }

  SessionConfs confs() {
    return confs;
  }

  SourceIdentity identity() {
    return identity;
  }

  KeptPlans kept() {
    return entries;
  }

  StorageWatch storage() {
    return storage;
  }

  Commands commands() {
    return commands;
  }

  HostConnection connection() {
    return connection;
  }

  TempTables tables() {
    return tables;
  }

  Leases leases() {
    return leases;
  }

  OwnCost cost() {
    return cost;
  }

  ScheduledThreadPoolExecutor clock() {
    return clock;
  }

  /** Null before the host has accepted us. */
  Welcome welcome() {
    return welcome;
  }

  void setIfLost(int executorsTotal) {
    ifLost = executorsTotal;
  }
}
