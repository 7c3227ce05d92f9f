package io.sparkwright.spark;

import java.io.IOException;

/**
 * What bounds a profile of data, as the host tells a pipeline in its answer to {@code open}. {@code core/src/steering.rs} has the values
 * and their reasons.
 *
 * @param fileSizesAtMost sizes of files that are told
 * @param footersAtMost Parquet files whose footers are read; rows of more files are unknown
 * @param footersMs milliseconds that reading footers may take in all
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
