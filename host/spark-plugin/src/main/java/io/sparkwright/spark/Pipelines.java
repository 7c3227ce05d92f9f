package io.sparkwright.spark;

import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * The methods that the Python package calls in the driver through py4j. They profile data, make and drop temp tables as planned, and hold
 * the leases of sessions. Results are JSON texts. Nothing is decided here.
 *
 * <p>A failure is an exception whose message says what was found and what is wanted; the application goes on unchanged.
 */
public final class Pipelines {
  private Pipelines() {}

  /**
   * Whether this application is steered: {@code {"state":"steered|waiting|unsteered|absent","reason","socket","mode","application","spark"}}.
   * {@code absent}: the plugin was not loaded, or the application has ended; the last four are null then.
   *
   * @param waitMs how long to wait for the host's welcome, milliseconds
   */
  public static String state(long waitMs) throws InterruptedException {
    Steering steering = Steering.current();
    if (steering == null) {
      return Messages.object()
          .put("state", "absent")
          .put("reason", "spark.plugins does not name io.sparkwright.spark.SparkwrightPlugin, or the application has ended")
          .putNull("socket")
          .putNull("mode")
          .putNull("application")
          .putNull("spark")
          .toString();
    }
    return steering.describe(waitMs).toString();
  }

  /**
   * The size of the data, without a Spark job:
   * {@code {"bytes","bytes_source":"plan_statistics|files|cached|local|unknown",
   * "rows","rows_source":"plan_statistics|catalog|parquet_footers|local|cached",
   * "partitions","files","files_splittable","file_bytes":[…],"columns":[{"name","type","nullable"}]}}; null where unknown.
   * {@code "join_inputs":true} where the size of an equi-join is the sum of its inputs' sizes.
   *
   * @param limits {@code limits} of the host's answer to {@code open}
   */
  public static String profile(Dataset<Row> data, String limits) {
    return DataProfile.of(data, ProfileLimits.of(limits)).toString();
  }

  /** Makes a temp view; it replaces an earlier one of that name. {@code {"name","kind":"view"}}. */
  public static String view(Dataset<Row> data, String name) {
    return tables().view(data, name).toString();
  }

  /**
   * Makes a temp view whose plan Spark caches at its first use.
   * {@code {"name","kind":"cached_view","level","cached_by":"sparkwright|user"}}; {@code user}: the user had cached the plan at that
   * level, and {@link #drop} does not unpersist it.
   *
   * @param level the name of a storage level, such as {@code MEMORY_AND_DISK}
   */
  public static String cachedView(Dataset<Row> data, String name, String level) {
    return tables().cachedView(data, name, level).toString();
  }

  /**
   * Writes a table of Parquet files in the warehouse; it overwrites a table of the same name and session.
   * {@code {"name","kind":"table","identifier","location","partitioning","why","files","disk_bytes"}}; {@code why} says why the
   * partitioning differs from the wanted one.
   *
   * @param files number of files, and of buckets with {@code hash}; 0, only with {@code none}: one for each partition of the data
   * @param filesBy {@code repartition} or {@code coalesce}: how the number of files is reached with {@code none}
   * @param strategy {@code hash} (bucketed, so that a join or grouping by {@code columns} needs no shuffle), {@code range}
   *     (each file has its own range of {@code columns}, sorted) or {@code none}
   * @param compression one of Spark's codecs for Parquet, or {@code none}
   * @param properties table properties; {@code sparkwright.session} is the session that owns the table
   */
  public static String table(Dataset<Row> data, String name, int files, String filesBy, String strategy, List<String> columns,
      String compression, Map<String, String> properties) {
    List<String> by = columns == null ? List.of() : columns;
    Map<String, String> set = properties == null ? Map.of() : properties;
    return tables().table(data, name, files, filesBy, strategy, by, compression, set).toString();
  }

  /**
   * Drops a temp table and frees its memory or files; does nothing if it does not exist any more.
   *
   * @param kind {@code view}, {@code cached_view} or {@code table}
   */
  public static void drop(String name, String kind) {
    tables().drop(name, kind);
  }

  /**
   * The memory, files and rows of temp tables by name, from Spark's block managers and the file system:
   * {@code {"kind":"view|cached_view|table|absent","memory_bytes","disk_bytes","files","partitions","cached_partitions","rows"}}.
   *
   * @param limits {@code limits} of the host's answer to {@code open}
   */
  public static String sizes(List<String> names, String limits) {
    return tables().sizes(names, ProfileLimits.of(limits)).toString();
  }

  /**
   * Takes the lease that marks a session as alive until this application ends. {@code {"warehouse","lease","locked"}}.
   *
   * @param prefix the prefix before the session id in the names of its tables
   */
  public static String lease(String session, String prefix) {
    return steering().leases().take(session, prefix).toString();
  }

  /** Removes the lease of a session that has no tables any more. */
  public static void release(String session) {
    steering().leases().release(session);
  }

  /**
   * Leases in a warehouse that is not a local folder: {@code [{"session","prefix","modified_ms","text"}]}. Empty for a local one, where
   * {@code sparkwright clean} checks the locks instead.
   */
  public static String leases() {
    return steering().leases().remote().toString();
  }

  /** Removes the folders and the lease of another session, in a warehouse that is not a local folder. */
  public static void removeSession(String session, String prefix) {
    steering().leases().removeRemote(session, prefix);
  }

  /** Temp tables in the catalog: {@code [{"name","session","location","properties":{…}}]}. */
  public static String catalogTables(String prefix) {
    return tables().catalogTables(prefix).toString();
  }

  /**
   * What a SQL text names, by its syntax: {@code {"nodes":[…],"expressions":[…],"relations":[["part",…]…],"ctes":[…],
   * "functions":[[…]…],"table_functions":[[…]…]}}; nodes and expressions are names of Spark's classes. Nothing is looked up or run.
   *
   * @param session the session that will run the text; its confs change how it is parsed ({@code ${…}}, ANSI mode)
   */
  public static String relations(SparkSession session, String sql) {
    return SyntaxTree.of(sql, session).toString();
  }

  /** The sources of a query in the order of its plan, those of subqueries included: {@code ["text",…]}. */
  public static String leaves(Dataset<Row> query) {
    return QueryLeaves.of(query).toString();
  }

  /**
   * Waits until all events so far are written to the host's socket.
   *
   * @return whether that was done within {@code ms} milliseconds; also false when no host steers
   */
  public static boolean flush(long ms) throws InterruptedException {
    Steering steering = Steering.current();
    return steering != null && steering.flush(ms);
  }

  private static TempTables tables() {
    return steering().tables();
  }

  private static Steering steering() {
    Steering steering = Steering.current();
    if (steering == null) {
      throw new IllegalStateException("Sparkwright's plugin is not part of this application: wanted "
          + "spark.plugins=io.sparkwright.spark.SparkwrightPlugin (`sparkwright plugin` shows the lines)");
    }
    return steering;
  }
}
