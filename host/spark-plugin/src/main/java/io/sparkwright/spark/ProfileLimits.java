package io.sparkwright.spark;

import java.io.IOException;

/**
 * The limits of a data profile, from the host's answer to a pipeline's {@code open}. {@code core/src/steering.rs} has the values and their
 * reasons.
 *
 * @param fileSizesAtMost file sizes that a profile lists
 * @param footersAtMost Parquet files whose footers are read; with more files the rows are unknown
 * @param footersMs milliseconds that reading all footers may take
 * @param unknownAboveBytes sizes above this are unknown
 */
record ProfileLimits(int fileSizesAtMost, int footersAtMost, long footersMs, long unknownAboveBytes) {

  static ProfileLimits of(String json) {
    try {
      return Messages.read(ProfileLimits.class, Messages.parse(json));
    } catch (IOException | IllegalArgumentException e) {
      throw new IllegalArgumentException("`" + json + "` is not `limits` of a host's answer to `open`: " + e.getMessage(), e);
    }
  }
}
