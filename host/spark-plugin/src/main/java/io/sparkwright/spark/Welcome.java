package io.sparkwright.spark;

import java.util.List;

/**
 * The host's answer when it accepts the plugin: the mode and the limits that the plugin uses from then on. {@code core/src/steering.rs} has
 * the values and their reasons. All members are required, since plugin and host are of one version.
 *
 * @param mode {@code act}, {@code shadow} or {@code off}
 * @param questionTimeoutMs longest time that a query waits for the host's answer, milliseconds
 * @param missesBeforeUnsteered unanswered questions in a row after which the application is unsteered
 * @param eventQueueLength listener events that may wait while the host reads slowly; further events are dropped and counted
 * @param questionQueueLength questions that may wait while the host reads slowly; a further one counts as unanswered at once
 * @param openExecutionsAtMost SQL executions whose confs are remembered at a time
 * @param managedKeys session confs that answers may set
 * @param ifLost what to do when the host is lost; null: nothing
 * @param nodesAtMost plan nodes sent in a question
 * @param filesAtMost source files that an automatically cached plan may have
 * @param settledMs milliseconds since a file's last change after which its modification time identifies its content
 * @param listFolderFrom number of files in a remote folder from which the folder is listed once, instead of one request for each file
 * @param unknownAboveBytes sizes above this are unknown
 * @param stackFramesAtMost stack frames read to find out why Spark plans a query (see {@link Purpose})
 * @param storageLookMs milliseconds between two reads of the storage that cached plans take
 * @param aliveMs milliseconds between two heartbeats to the host
 * @param wantsShapes whether questions name the shapes of sub-plans, since later runs learn from this one
 * @param columnsAtMost columns of a sub-plan of which it is said with its shape which are asked for
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
    long aliveMs,
    boolean wantsShapes,
    int columnsAtMost) {

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
