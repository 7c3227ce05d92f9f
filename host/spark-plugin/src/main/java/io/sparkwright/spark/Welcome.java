package io.sparkwright.spark;

import java.util.List;

/**
 * What the host said when it accepted us: every number that the plugin goes by from then on. {@code core/src/steering.rs} has the
 * values and their reasons. All members are required, since plugin and host are of one version.
 *
 * @param mode {@code act}, {@code shadow} or {@code off}
 * @param questionTimeoutMs longest time that a query waits for its answer, milliseconds
 * @param missesBeforeUnsteered unanswered questions in a row after which the application goes on unsteered
 * @param eventQueueLength listener events kept while the host reads slowly; more are dropped and counted
 * @param questionQueueLength questions kept while the host reads slowly; one more is unanswered at once
 * @param openExecutionsAtMost SQL executions of the application whose answers are remembered
 * @param managedKeys session confs that answers may set
 * @param ifLost what to do when the host is lost, or null
 * @param nodesAtMost plan nodes sent in a question
 * @param filesAtMost source files that an automatically cached plan may have
 * @param settledMs milliseconds that a file must have been left alone before its modification time identifies its content
 * @param listFolderFrom files of a remote folder from which on the folder is listed instead of each file asked for
 * @param unknownAboveBytes sizes above this are unknown
 * @param stackFramesAtMost stack frames looked at to tell what Spark plans a query for
 * @param storageLookMs milliseconds between looks at what cached plans hold
 * @param aliveMs milliseconds between signs of life
 */
record Welcome(
    String mode,
    long questionTimeoutMs,
    int missesBeforeUnsteered,
    int eventQueueLength,
    int questionQueueLength,
    int openExecutionsAtMost,
    List<String> managedKeys,
    IfLost ifLost,
    int nodesAtMost,
    int filesAtMost,
    long settledMs,
    int listFolderFrom,
    long unknownAboveBytes,
    int stackFramesAtMost,
    long storageLookMs,
    long aliveMs) {

  /** @param executorsTotal executors to ask for */
    record IfLost(int executorsTotal) {}

  Welcome {
    managedKeys = List.copyOf(managedKeys);
  }

  boolean asks() {
    return !mode.equals("off");
  }

  /** Executors to ask for when the host is lost; null: none. */
  Integer executorsIfLost() {
    return ifLost == null ? null : (Integer) ifLost.executorsTotal;
  }
}
