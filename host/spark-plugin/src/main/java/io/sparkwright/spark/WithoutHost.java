package io.sparkwright.spark;

/**
 * The plugin's own limits: those that it needs before a host has answered, or without one. None of them decides anything about the
 * application. All other limits come from {@code core}, in the host's {@link Welcome} and, for pipelines, as {@link ProfileLimits}.
 */
final class WithoutHost {
  /** How long a host may take to listen, milliseconds. An application must not wait long for a host that can't start. */
  static final long CONNECT_MS = 3_000;
  /** Between two attempts to connect, milliseconds: a fraction of what starting a host takes. */
  static final long RETRY_MS = 20;
  /** How long a host may take to answer a hello, milliseconds. It may have to compile its policy module first. */
  static final long ANSWER_MS = 2_000;
  /** Listener events that may wait before the welcome sets the limit: they must not fill the driver's heap while a host starts slowly. */
  static final int EVENTS = 10_000;
  /**
   * How long the end of an application waits until its last events have come, and then until they are written, milliseconds. A stopped
   * host reads nothing.
   */
  static final long BYE_MS = 1_000;
  /** Between two renewals of a lease, milliseconds. Far below the hours after which a lease counts as dead. Needed without a host too. */
  static final long LEASE_RENEWAL_MS = 60_000;
  /** How much is shown of what a host said that did not start, bytes. */
  static final int WORDS_BYTES = 1_000;
  /** Attempts to create a lease: a cleanup may remove the empty folder just before the file is created in it. */
  static final int LEASE_ATTEMPTS = 5;
  /** How much of another session's lease is read, bytes. Ours have some hundred; the limit is for a file that something else wrote. */
  static final int LEASE_BYTES = 64 << 10;
  /**
   * Stack frames that are searched for what copies a session's confs. Between the copy and Spark's builder of cached plans are a dozen
   * of Scala's collections; a deeper frame belongs to the application.
   */
  static final int COPY_FRAMES = 40;
  /** Failed fills that are remembered, so that none of them is tried again. A sub-plan has another name once its files have changed. */
  static final int FAILED_FILLS_REMEMBERED = 10_000;
  /** Queries that are being optimized and whose own plans are at hand, should what is kept of them not do. */
  static final int OWN_PLANS = 256;

  private WithoutHost() {}
}
