package io.sparkwright.spark;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Our lines in Spark's log. Each kind of problem is logged once, so that Sparkwright does not fill the application's log. */
final class Log {
  private static final Logger LOGGER = LoggerFactory.getLogger("io.sparkwright.spark");
  private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

  private Log() {}

  /** One WARN line the first time that {@code kind} occurs; the stack trace only at DEBUG. */
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

  /** Called for a new SparkContext in the same JVM: each kind of problem may be logged once again. */
  static void forget() {
    SAID.clear();
  }

  /** Rethrows what ends a job because the program, or the user in Spark's UI, cancelled it: the query would have ended so without us. */
  static void rethrowIfTheUserEndedIt(Throwable e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (Compat.isCancelled(cause) || cause instanceof InterruptedException) {
        Log.<RuntimeException>asUnchecked(e);
      }
    }
  }

  @SuppressWarnings("unchecked")
  private static <E extends Throwable> void asUnchecked(Throwable e) throws E {
    throw (E) e;
  }

  /** Rethrows JVM errors, except a stack overflow, and restores the interrupt flag. Others, such as a linkage error, are not rethrown. */
  static void rethrowIfJvmMustSeeIt(Throwable e) {
    if (e instanceof VirtualMachineError vm && !(e instanceof StackOverflowError)) {
      throw vm;
    }
    if (e instanceof InterruptedException) {
      Thread.currentThread().interrupt();
    }
  }
}
