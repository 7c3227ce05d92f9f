package io.sparkwright.spark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkContext;

/** The lines of PROTOCOL.md that are not Spark's own JSON. */
final class Messages {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final PropertyNamingStrategies.SnakeCaseStrategy NAMES = new PropertyNamingStrategies.SnakeCaseStrategy();
  private static final ObjectReader RECORDS = JSON.copy()
      .setPropertyNamingStrategy(NAMES)
      .reader()
      .without(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

  private Messages() {}

  static JsonNode parse(String line) throws IOException {
    return JSON.readTree(line);
  }

  /**
   * Reads a record from a JSON object that has all of its members, named in snake case. Unknown members are ignored.
   *
   * @throws IllegalArgumentException a member is missing, null where a number is wanted, or of another type
   */
  static <T extends Record> T read(Class<T> type, JsonNode from) {
    List<String> missing = new ArrayList<>();
    for (RecordComponent member : type.getRecordComponents()) {
      String name = NAMES.translate(member.getName());
      if (!from.has(name) || member.getType().isPrimitive() && from.get(name).isNull()) {
        missing.add(name);
      }
    }
    if (!missing.isEmpty()) {
      throw new IllegalArgumentException("it lacks " + String.join(", ", missing));
    }
    try {
      return RECORDS.treeToValue(from, type);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e.getOriginalMessage(), e);
    }
  }

  static ObjectNode object() {
    return JSON.createObjectNode();
  }

  static ArrayNode array() {
    return JSON.createArrayNode();
  }

  static ObjectNode ours(String kind) {
    return object().put("sparkwright", kind);
  }

  /** The hello of a launch, sent before the application has an id and a scheduler. */
  static String helloLaunch(SparkContext context) {
    return hello(context, "launch").toString();
  }

  static String helloEvents(SparkContext context, String application) {
    return hello(context, "events")
        .put("application", application)
        .put("driver_max_memory_bytes", Runtime.getRuntime().maxMemory())
        .put("default_parallelism", context.defaultParallelism())
        .toString();
  }

  private static ObjectNode hello(SparkContext context, String role) {
    ObjectNode hello = ours("hello")
        .put("role", role)
        .put("protocol", 1)
        .put("name", context.appName())
        .put("spark", context.version())
        .put("java", System.getProperty("java.version"))
        .put("master", context.master())
        .put("driver_pid", ProcessHandle.current().pid())
        .put("python", startedByPython())
        .put("now_ms", System.currentTimeMillis());
    ObjectNode conf = hello.putObject("conf");
    SparkInternals.redactedConf(context.conf()).forEach(conf::put);
    return hello;
  }

  /** spark-submit's command line names the Python file, or {@code pyspark-shell} for {@code python job.py}. */
  private static boolean startedByPython() {
    for (String word : System.getProperty("sun.java.command", "").split(" ")) {
      if (word.equals("pyspark-shell") || word.endsWith(".py")) {
        return true;
      }
    }
    return false;
  }

  static String helloQuestions(String application) {
    return ours("hello")
        .put("role", "questions")
        .put("application", application)
        .put("driver_pid", ProcessHandle.current().pid())
        .toString();
  }

  static String entry(String id, String state, String why, String error, String level) {
    return ours("entry")
        .put("id", id)
        .put("state", state)
        .put("why", why)
        .put("error", error)
        .put("level", level)
        .put("now_ms", System.currentTimeMillis())
        .toString();
  }

  static String acted(long id, boolean ok, String error, long tookMs, ObjectNode result) {
    ObjectNode acted = ours("acted").put("id", id).put("ok", ok).put("error", error).put("took_ms", tookMs);
    acted.set("result", result == null ? object() : result);
    return acted.toString();
  }

  static void entries(ArrayNode into, Map<String, StorageWatch.Stored> entries) {
    entries.forEach((id, stored) -> into.addObject()
        .put("id", id)
        .put("level", stored.level())
        .put("memory_bytes", stored.memoryBytes())
        .put("disk_bytes", stored.diskBytes())
        .put("partitions", stored.partitions())
        .put("cached_partitions", stored.cachedPartitions()));
  }

  static void executors(ArrayNode into, Map<String, long[]> executors) {
    executors.forEach((id, memory) -> into.addObject()
        .put("id", id)
        .put("max_storage_bytes", memory[0])
        .put("free_storage_bytes", memory[1]));
  }
}
