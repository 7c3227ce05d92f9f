package io.sparkwright.spark;

/** 64-bit mixing for hashes of plans and files. The hashes are names only: Spark compares the plans, and files are compared in full. */
final class Mix {
  private Mix() {}

  static long with(long hash, long value) {
    long z = (hash ^ value) * 0x9E3779B97F4A7C15L + 0x632BE59BD9B4E019L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  static long of(String text) {
    long hash = 0xcbf29ce484222325L;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
    }
    return hash;
  }
}
