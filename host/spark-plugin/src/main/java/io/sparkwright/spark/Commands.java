package io.sparkwright.spark;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;

/** Runs the host's commands, one after the other, on a thread of our own. Each command gets an answer. */
final class Commands {
  /** The result of a command; it is done if {@code error} is null. */
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
  private final ExecutorService thread = Executors.newSingleThreadExecutor(task -> Steering.daemon("commands", task));

  Commands(SparkContext context, Steering steering) {
    this.context = context;
    this.steering = steering;
  }

  void obey(JsonNode command) {
    if (!steering.isSteered()) {
      return; // commands are ignored once the application is unsteered
    }
    thread.execute(() -> {
      long start = System.nanoTime();
      Outcome outcome;
      try {
        outcome = run(command);
      } catch (Throwable e) {
        outcome = Outcome.failed(e.toString());
        Log.rethrowIfJvmMustSeeIt(e);
      }
      long id = command.path("id").asLong(-1);
      long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
      steering.events().say(Messages.acted(id, outcome.error == null, outcome.error, tookMs, outcome.result));
    });
  }

  void stop() {
    thread.shutdownNow();
  }

  private Outcome run(JsonNode command) {
    String what = command.path("do").asText();
    return switch (what) {
      case "executors_total" -> executorsTotal(command.path("total").asInt(-1));
      case "decommission" -> decommission(command);
      case "conf" -> conf(command.path("set"));
      case "if_lost" -> replaceIfLost(command.path("executors_total").asInt(-1));
      default -> Outcome.failed("the plugin has no command `" + what + "`: use plugin and host of the same version");
    };
  }

  private Outcome replaceIfLost(int total) {
    if (total < 0) {
      return Outcome.failed("executors_total is missing or negative");
    }
    steering.setIfLost(total);
    return Outcome.done();
  }

  /** Requests the number of executors that the host named for the case that it is lost. The outcome is logged only. */
  void ifLost(int total) {
    thread.execute(() -> {
      try {
        Outcome outcome = executorsTotal(total);
        Log.info("Sparkwright: asked for " + total + " executors" + (outcome.error == null ? "" : ", in vain: " + outcome.error));
      } catch (Throwable e) {
        Log.once("if_lost", "Sparkwright: the application keeps the executors that it has; asking for " + total + " failed", e);
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
      // otherwise the executors would get no more tasks but never exit
      return Outcome.failed("spark.decommission.enabled is not true");
    }
    List<String> ids = new ArrayList<>();
    command.path("executors").forEach(id -> ids.add(id.asText()));
    List<String> taken = SparkInternals.decommission(context, ids);
    int after = command.path("total_after").asInt(-1);
    if (after >= 0) {
      // decommissioning lowers the executor target, which is 0 for Spark if no total was ever requested
      SparkInternals.requestTotalExecutors(context, after);
    }
    Outcome outcome = taken.isEmpty() ? Outcome.failed("none of these executors is live") : Outcome.done();
    taken.forEach(outcome.result.putArray("executors")::add);
    return outcome;
  }

  private Outcome conf(JsonNode set) {
    SparkSession session = SparkInternals.orNull(SparkSession.getDefaultSession());
    if (session == null) {
      return Outcome.failed("the application has made no SparkSession yet");
    }
    Map<String, String> values = new HashMap<>();
    set.properties().forEach(entry -> values.put(entry.getKey(), entry.getValue().asText()));
    Map<String, String> refused = steering.confs().set(Compat.sessionId(session), Compat.sqlConf(session), values);
    Outcome outcome = refused.isEmpty() ? Outcome.done() : Outcome.failed("not set: " + String.join(", ", refused.keySet()));
    ObjectNode why = outcome.result.putObject("refused");
    refused.forEach(why::put);
    return outcome;
  }
}
