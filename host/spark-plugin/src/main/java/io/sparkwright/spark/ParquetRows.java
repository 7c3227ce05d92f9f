package io.sparkwright.spark;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.util.HadoopInputFile;

/** Counts the rows of Parquet files from their footers: exact, at the cost of a few KB read for each file. */
final class ParquetRows {
  private ParquetRows() {}

  /** Null when there are too many files, when they took too long, or when one can't be read. */
  static Long in(List<FileStatus> files, Configuration hadoop, ProfileLimits limits) {
    if (files.size() > limits.footersAtMost()) {
      return null;
    }
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(limits.footersMs());
    long rows = 0;
    for (FileStatus file : files) {
      if (System.nanoTime() > deadline) {
        return null;
      }
      try (ParquetFileReader footer = ParquetFileReader.open(HadoopInputFile.fromStatus(file, hadoop))) {
        rows += footer.getRecordCount();
      } catch (IOException | RuntimeException e) {
        Log.debug("Sparkwright: no footer in " + file.getPath(), e);
        return null;
      }
    }
    return rows;
  }
}
