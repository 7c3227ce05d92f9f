package io.sparkwright.spark;

import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * What the Python package does inside the driver, through py4j: it profiles data, makes and drops temp tables as they were planned,
 * and holds the leases of sessions. Text in and out is JSON. Nothing is decided here.
 *
 * <p>Failures are exceptions whose message says what was found and what is wanted; they leave the application as it was.
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
   * How large the data is, without a Spark job:
   * {@code {"bytes","bytes_source":"plan_statistics|files|cached|local|unknown","rows","rows_source":"plan_statistics|catalog|parquet_footers|local|cached",
   * "partitions","files","files_splittable","file_bytes":[…],"columns":[{"name","type","nullable"}]}}; null for what is not known. {@code "join_inputs":true}
   * where a join by equal keys counts as the size of what goes into it.
   *
   * @param limits {@code limits} of the host's answer to {@code open}
   */
  public static String profile(Dataset<Row> data, String limits) {
    return DataProfile.of(data, ProfileLimits.of(limits)).toString();
  }

  /** A temp view of that name; one that was made here before under it goes. {@code {"name","kind":"view"}}. */
  public static String view(Dataset<Row> data, String name) {
    return tables().view(data, name).toString();
  }

  /**
   * A temp view whose plan Spark caches when it is first used. {@code {"name","kind":"cached_view","level","cached_by":"sparkwright|user"}};
   * {@code user}: the plan was cached before, at that level, and is left to its owner.
   *
   * @param level a storage level by its name, such as {@code MEMORY_AND_DISK}
   */
  public static String cachedView(Dataset<Row> data, String name, String level) {
    return tables().cachedView(data, name, level).toString();
  }

  /**
   * A table of Parquet files in the warehouse, written over one of the same name and session.
   * {@code {"name","kind":"table","identifier","location","partitioning","why","files","disk_bytes"}}; {@code why} says why the
   * partitioning is not the wanted one.
   *
   * @param files how many files; a table by hash has as many buckets; 0 with {@code none}: as many as the data has partitions
   * @param filesBy {@code repartition} or {@code coalesce}: how the files are made where nothing partitions them
   * @param strategy {@code hash} (bucketed, so that a join or grouping by {@code columns} needs no shuffle), {@code range}
   *     (each file has its own range of {@code columns}, sorted) or {@code none}
   * @param compression one of Spark's codecs for Parquet, or {@code none}
   * @param properties table properties; {@code sparkwright.session} says whose it is
   */
  public static String table(Dataset<Row> data, String name, int files, String filesBy, String strategy, List<String> columns,
      String compression, Map<String, String> properties) {
    List<String> by = columns == null ? List.of() : columns;
    Map<String, String> set = properties == null ? Map.of() : properties;
    return tables().table(data, name, files, filesBy, strategy, by, compression, set).toString();
  }

  /**
   * Drops a temp table and frees what it held; nothing happens when it is gone.
   *
   * @param kind {@code view}, {@code cached_view} or {@code table}
   */
  public static void drop(String name, String kind) {
    tables().drop(name, kind);
  }

  /**
   * What temp tables hold by Spark's block managers and the file system, by name:
   * {@code {"kind":"view|cached_view|table|absent","memory_bytes","disk_bytes","files","partitions","cached_partitions","rows"}}.
   *
   * @param limits {@code limits} of the host's answer to {@code open}
   */
  public static String sizes(List<String> names, String limits) {
    return tables().sizes(names, ProfileLimits.of(limits)).toString();
  }

  /**
   * Shows others that a session lives, until this application ends. {@code {"warehouse","lease","locked"}}.
   *
   * @param prefix what stands before the session id in the names of its tables
   */
  public static String lease(String session, String prefix) {
    return steering().leases().take(session, prefix).toString();
  }

  /** Takes the lease away: the session has no tables any more. */
  public static void release(String session) {
    steering().leases().release(session);
  }

  /**
   * Leases in a warehouse that is no local folder: {@code [{"session","prefix","modified_ms","text"}]}. Empty for a local one, where
   * {@code sparkwright clean} looks at their locks.
   */
  public static String leases() {
    return steering().leases().remote().toString();
  }

  /** Removes the folders and the lease of another session, in a warehouse that is no local folder. */
  public static void removeSession(String session, String prefix) {
    steering().leases().removeRemote(session, prefix);
  }

  /** Temp tables that the catalog knows: {@code [{"name","session","location","properties":{…}}]}. */
  public static String catalogTables(String prefix) {
    return tables().catalogTables(prefix).toString();
  }

  /**
   * What a SQL text names, by its syntax: {@code {"nodes":[…],"expressions":[…],"relations":[["part",…]…],"ctes":[…],
   * "functions":[[…]…],"table_functions":[[…]…]}}; nodes and expressions are names of Spark's classes. Nothing is looked up or run.
   *
   * @param session the session that will run it: its confs decide what the text means ({@code ${…}}, ANSI mode)
   */
  public static String relations(SparkSession session, String sql) {
    return SyntaxTree.of(sql, session).toString();
  }

  /** Where a query's rows come from, subqueries included, in order: {@code ["text",…]}. */
  public static String leaves(Dataset<Row> query) {
    return QueryLeaves.of(query).toString();
  }

  /**
   * Waits until the host has all events so far.
   *
   * @return whether that came true within {@code ms} milliseconds; false also when nobody steers
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
