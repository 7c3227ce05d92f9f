package io.sparkwright.spark;

/**
 * The plugin's own numbers: those that must hold before any host has answered, or where none ever does. None of them decides about the
 * application. All other numbers come from {@code core}: by the host's {@link Welcome}, and for pipelines as {@link ProfileLimits}.
 */
final class WithoutHost {
  /** How long a host may take until it listens, milliseconds. An application must not wait long for a host that can't start. */
  static final long CONNECT_MS = 3_000;
  /** Between two attempts to connect, milliseconds: a fraction of what starting a host takes. */
  static final long RETRY_MS = 20;
  /** How long a host may take to answer a hello, milliseconds. It may have to compile its policy module first. */
  static final long ANSWER_MS = 2_000;
  /** Listener events kept until a welcome says how many may wait: they must not fill the heap of a driver whose host is slow to start. */
  static final int EVENTS = 10_000;
  /** How long the end of an application waits until its last events are written, milliseconds. A stopped host reads nothing. */
  static final long BYE_MS = 1_000;
  /** Between two renewals of a lease, milliseconds. Leases are held without a host too, and cleaners count in hours. */
  static final long LEASE_RENEWAL_MS = 60_000;
  /** Attempts to make a lease: a cleaner may remove the empty folder just before the file is made in it. */
  static final int LEASE_ATTEMPTS = 5;
  /** How much of another session's lease is read, bytes. Ours take some hundred; anybody could have written that file. */
  static final int LEASE_BYTES = 64 << 10;

  private WithoutHost() {}
}
