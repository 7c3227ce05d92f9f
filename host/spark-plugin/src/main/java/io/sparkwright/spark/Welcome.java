package io.sparkwright.spark;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * What the host said when it accepted us. The plugin has no numbers of its own beyond what it needs before this.
 *
 * @param mode {@code act}, {@code shadow} or {@code off}
 * @param questionTimeoutMs longest time a query waits for its answer, milliseconds
 * @param missesBeforeUnsteered unanswered questions in a row after which the application goes on unsteered
 * @param eventQueueLength listener events kept while the host reads slowly; more are dropped and counted
 * @param managedKeys session confs that answers may set
 * @param executorsIfLost executor total asked for when the host is lost, or null
 * @param nodesAtMost plan nodes sent per question
 * @param filesAtMost source files an automatically cached plan may have, since each use looks at them all
 * @param settledMs milliseconds a file must have been left alone before its modification time identifies its content
 * @param aliveMs milliseconds between signs of life
 */
record Welcome(
    String mode,
    long questionTimeoutMs,
    int missesBeforeUnsteered,
    int eventQueueLength,
    List<String> managedKeys,
    Integer executorsIfLost,
    int nodesAtMost,
    int filesAtMost,
    long settledMs,
    long aliveMs) {

  boolean asks() {
    return !mode.equals("off");
  }

  static Welcome from(JsonNode line) {
    List<String> keys = new ArrayList<>();
    line.path("managed_keys").forEach(key -> keys.add(key.asText()));
    return new Welcome(
        line.path("mode").asText("off"),
        line.path("question_timeout_ms").asLong(100),
        line.path("misses_before_unsteered").asInt(3),
        line.path("event_queue_length").asInt(10_000),
        List.copyOf(keys),
        executors(line.path("if_lost")),
        line.path("nodes_at_most").asInt(400),
        line.path("files_at_most").asInt(1_000),
        line.path("settled_ms").asLong(2_000),
        Math.max(1, line.path("alive_ms").asLong(1_000)));
  }

  /** The {@code executors_total} of an {@code if_lost} object; null when there is none. */
  static Integer executors(JsonNode ifLost) {
    JsonNode total = ifLost.path("executors_total");
    return total.isInt() && total.asInt() >= 0 ? total.asInt() : null;
  }
}
