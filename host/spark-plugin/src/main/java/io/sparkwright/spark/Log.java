package io.sparkwright.spark;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Our lines in Spark's log. Each kind of trouble is said once: a steered job must not be a noisy one. */
final class Log {
  private static final Logger LOGGER = LoggerFactory.getLogger("io.sparkwright.spark");
  private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

  private Log() {}

  /** One WARN line the first time {@code kind} comes up; the stack trace only at DEBUG. */
  static void once(String kind, String message, Throwable cause) {
    if (SAID.add(kind)) {
      LOGGER.warn("{}{}", message, cause == null ? "" : " (" + cause + ")");
      LOGGER.debug("Sparkwright: {}", kind, cause);
    }
  }

  static void debug(String message, Throwable cause) {
    LOGGER.debug(message, cause);
  }

  static void info(String message) {
    LOGGER.info(message);
  }

  /** A new SparkContext in the same JVM may say everything again. */
  static void forget() {
    SAID.clear();
  }

  /** Thread death and VM errors are the JVM's business; a linkage error (another Spark version) is only ours. */
  static void rethrowIfJvmMustSeeIt(Throwable e) {
    if (e instanceof VirtualMachineError vm && !(e instanceof StackOverflowError)) {
      throw vm;
    }
    if (e instanceof InterruptedException) {
      Thread.currentThread().interrupt();
    }
  }
}
