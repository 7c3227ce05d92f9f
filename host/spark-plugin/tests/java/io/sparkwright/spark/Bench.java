package io.sparkwright.spark;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.scheduler.SparkListenerInterface;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.functions;

/** Measures what a question and an event cost in the driver, without any host. Prints medians in microseconds. */
public final class Bench {
  private Bench() {}

  private interface Task {
    void run() throws Exception;
  }

  private static void measure(String what, int rounds, Task task) throws Exception {
    long[] took = new long[rounds];
    for (int i = 0; i < rounds; i++) {
      long start = System.nanoTime();
      task.run();
      took[i] = System.nanoTime() - start;
    }
    long first = took[0];
    long[] late = Arrays.copyOfRange(took, rounds / 2, rounds);
    Arrays.sort(late);
    System.out.printf("%-44s first %8d us   median %7d us   p95 %7d us%n", what, first / 1000,
        late[late.length / 2] / 1000, late[late.length * 95 / 100] / 1000);
  }

  public static void main(String[] arguments) throws Exception {
    SparkSession session = SparkSession.builder().master("local[2]").config("spark.ui.enabled", "false").getOrCreate();
    Steering steering = new Steering(session.sparkContext(), session.sparkContext().conf());
    steering.steered(Welcome.from(Messages.parse("{\"mode\":\"act\",\"managed_keys\":[\"spark.sql.shuffle.partitions\"]}")));
    Path folder = Files.createTempDirectory("bench");
    session.range(1000).selectExpr("id", "id % 10 as k", "cast(id as string) as s").repartition(20)
        .write().mode("overwrite").parquet(folder.toString());
    plan("small plan", session, steering, session.read().parquet(folder.toString()).groupBy("k").count());
    Dataset<Row> wide = session.read().parquet(folder.toString());
    for (int i = 0; i < 290; i++) {
      wide = wide.withColumn("c" + i % 30, functions.expr("id * " + i + " + length(s)"));
    }
    plan("300-node chain, 33 columns", session, steering, wide.groupBy("k").count());
    Dataset<Row> joined = session.read().parquet(folder.toString());
    for (int i = 0; i < 7; i++) {
      Dataset<Row> other = joined.filter("id > " + i).groupBy("k").agg(functions.sum("id").as("id"), functions.max("s").as("s"));
      joined = joined.union(other.select("id", "k", "s"));
    }
    plan("bushy plan", session, steering, joined);
    events(session);
    session.stop();
  }

  private static void plan(String name, SparkSession session, Steering steering, Dataset<Row> frame) throws Exception {
    LogicalPlan plan = frame.queryExecution().analyzed();
    var conf = Compat.sqlConf(session);
    var keys = steering.managedKeys();
    PlanFacts[] facts = new PlanFacts[1];
    // a clone each time, as Spark gives the rule: nothing memoised in its nodes
    List<LogicalPlan> clones = new ArrayList<>();
    int rounds = 200;
    for (int i = 0; i < rounds; i++) {
      clones.add(plan.clone());
    }
    int[] next = {0};
    measure(name + ": facts", rounds, () -> facts[0] = PlanFacts.of(
        clones.get(next[0]++), steering.identity(), steering.welcome(), steering.confs().digest("s", conf, keys)));
    var values = steering.confs().values("s", conf, keys);
    String[] text = new String[1];
    measure(name + ": JSON", rounds, () -> text[0] = Question.text(1, "s", 1L, true, facts[0], values, steering));
    measure(name + ": stack walk", rounds, () -> Purpose.ofThisCall(session.sparkContext()));
    System.out.printf("  %d nodes, %d bytes of JSON%n", facts[0].nodes.size(), text[0].length());
  }

  private static void events(SparkSession session) throws Exception {
    List<SparkListenerEvent> seen = new ArrayList<>();
    SparkListenerInterface listener = new org.apache.spark.SparkFirehoseListener() {
      @Override
      public void onEvent(SparkListenerEvent event) {
        seen.add(event);
      }
    };
    SparkInternals.addListener(session.sparkContext(), listener, "bench");
    session.range(0, 10_000, 1, 50).selectExpr("id % 7 as k").groupBy("k").count().collect();
    Thread.sleep(1000);
    SparkListenerEvent end = seen.stream().filter(SparkListenerTaskEnd.class::isInstance).findFirst().orElseThrow();
    Compat.EventJson json = new Compat.EventJson(session.sparkContext().conf());
    EventQueue queue = new EventQueue();
    queue.limit(1_000_000);
    measure("1000 events into the queue", 100, () -> {
      for (int i = 0; i < 1000; i++) {
        queue.offer(end);
      }
    });
    String[] text = new String[1];
    measure("100 TaskEnd as JSON (writer thread)", 400, () -> {
      for (int i = 0; i < 100; i++) {
        text[0] = EventText.withoutAccumulables(json.of(end));
      }
    });
    System.out.printf("  %d bytes each%n", text[0].length());
    System.out.println(Map.of("events seen", seen.size()));
  }
}
