package io.sparkwright.spark;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;

/**
 * Asks the host for the launch plan of an application that {@code sparkwright submit} did not start. Spark starts plugins before it creates
 * the scheduler and the executor allocation manager, so the confs that these read from SparkConf can still be set.
 */
final class LaunchConfs {
  private LaunchConfs() {}

  static void ask(SparkContext context, SparkConf conf, HostProcess host, ScheduledExecutorService clock)
      throws IOException, InterruptedException {
    try (LineChannel channel = HostProcess.reach(host.socket(), host, () -> false)) {
      var tooLate = clock.schedule(channel::close, WithoutHost.ANSWER_MS, TimeUnit.MILLISECONDS);
      channel.writeLine(Messages.helloLaunch(context));
      String line = channel.readLine();
      tooLate.cancel(false);
      JsonNode answer = Messages.parse(line == null ? "{}" : line);
      for (Map.Entry<String, JsonNode> set : answer.path("confs").properties()) {
        conf.set(set.getKey(), set.getValue().asText());
      }
    }
  }
}
