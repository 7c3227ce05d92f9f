package io.sparkwright.spark;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;

/** Obeys the host. Each command is answered; none runs on a thread of Spark's. SQL has a thread of its own, as it may take long. */
final class Commands {
  /** What came of a command; {@code error} null means done. */
  private record Outcome(String error, ObjectNode result) {
    static Outcome done() {
      return new Outcome(null, Messages.object());
    }

    static Outcome failed(String error) {
      return new Outcome(error, Messages.object());
    }
  }

  private final SparkContext context;
  private final Steering steering;
  private final ExecutorService quick = Executors.newSingleThreadExecutor(task -> Steering.daemon("commands", task));
  private final ExecutorService sql = Executors.newSingleThreadExecutor(task -> Steering.daemon("sql", task));

  Commands(SparkContext context, Steering steering) {
    this.context = context;
    this.steering = steering;
  }

  void obey(JsonNode command) {
    long id = command.path("id").asLong(-1);
    String what = command.path("do").asText("");
    if (!steering.isSteered()) {
      return; // what comes after we stopped obeying
    }
    (what.equals("sql") ? sql : quick).execute(() -> {
      long start = System.nanoTime();
      Outcome outcome;
      try {
        outcome = run(what, command);
      } catch (Throwable e) {
        outcome = Outcome.failed(e.toString());
        Log.rethrowIfJvmMustSeeIt(e);
      }
      long tookMs = (System.nanoTime() - start) / 1_000_000;
      steering.events().say(Messages.acted(id, outcome.error == null, outcome.error, tookMs, outcome.result));
    });
  }

  void stop() {
    quick.shutdownNow();
    sql.shutdownNow();
  }

  private Outcome run(String what, JsonNode command) {
    return switch (what) {
      case "executors_total" -> executorsTotal(command.path("total").asInt(-1));
      case "decommission" -> decommission(command);
      case "uncache" -> uncache(command.path("entry").asText());
      case "conf" -> conf(command.path("set"));
      case "sql" -> sql(command.path("text").asText());
      case "storage" -> storage();
      case "if_lost" -> {
        steering.setIfLost(Welcome.executors(command));
        yield Outcome.done();
      }
      default -> Outcome.failed("unknown command: " + what);
    };
  }

  /** What the host wanted to happen when it is lost; nobody is there to be told how it went. */
  void ifLost(int total) {
    quick.execute(() -> {
      try {
        Outcome outcome = executorsTotal(total);
        Log.info("Sparkwright: asked for " + total + " executors"
            + (outcome.error == null ? "" : ": " + outcome.error));
      } catch (Throwable e) {
        Log.once("if_lost", "Sparkwright could not ask for " + total + " executors", e);
        Log.rethrowIfJvmMustSeeIt(e);
      }
    });
  }

  private Outcome executorsTotal(int total) {
    if (total < 0) {
      return Outcome.failed("total is missing or negative");
    }
    if (!SparkInternals.hasExecutors(context)) {
      return Outcome.failed("master " + context.master() + " has no executors to ask for");
    }
    return SparkInternals.requestTotalExecutors(context, total)
        ? Outcome.done()
        : Outcome.failed("the cluster manager did not take the request");
  }

  private Outcome decommission(JsonNode command) {
    if (!SparkInternals.hasExecutors(context)) {
      return Outcome.failed("master " + context.master() + " has no executors to decommission");
    }
    if (!context.conf().getBoolean("spark.decommission.enabled", false)) {
      // such executors would get no tasks any more and never leave
      return Outcome.failed("spark.decommission.enabled is not true");
    }
    List<String> ids = new ArrayList<>();
    command.path("executors").forEach(id -> ids.add(id.asText()));
    List<String> taken = SparkInternals.decommission(context, ids);
    int after = command.path("total_after").asInt(-1);
    if (after >= 0) {
      // decommissioning lowers the target from what it believes it to be, which is 0 when nobody ever asked for a total
      SparkInternals.requestTotalExecutors(context, after);
    }
    Outcome outcome = taken.isEmpty() ? Outcome.failed("none of these executors is live") : Outcome.done();
    taken.forEach(outcome.result.putArray("executors")::add);
    return outcome;
  }

  private Outcome uncache(String entry) {
    SparkSession session = session();
    return session != null && steering.entries().uncache(entry, session)
        ? Outcome.done()
        : Outcome.failed("no such entry");
  }

  private Outcome conf(JsonNode set) {
    SparkSession session = session();
    if (session == null) {
      return Outcome.failed("no session yet");
    }
    Map<String, String> values = new HashMap<>();
    set.properties().forEach(entry -> values.put(entry.getKey(), entry.getValue().asText()));
    Map<String, String> refused = steering.confs().set(
        Compat.sessionId(session), Compat.sqlConf(session), steering.managedKeys(), values);
    Outcome outcome = refused.isEmpty() ? Outcome.done() : Outcome.failed("not set: " + String.join(", ", refused.keySet()));
    ObjectNode why = outcome.result.putObject("refused");
    refused.forEach(why::put);
    return outcome;
  }

  private Outcome sql(String text) {
    SparkSession session = session();
    if (session == null) {
      return Outcome.failed("no session yet");
    }
    Steering.ours(() -> session.sql(text));
    return Outcome.done();
  }

  private Outcome storage() {
    steering.storage().look();
    Outcome outcome = Outcome.done();
    Messages.entries(outcome.result.putArray("entries"), steering.storage().entries());
    Messages.executors(outcome.result.putArray("executors"), steering.storage().executors());
    return outcome;
  }

  private static SparkSession session() {
    return SparkInternals.orNull(SparkSession.getDefaultSession());
  }
}
