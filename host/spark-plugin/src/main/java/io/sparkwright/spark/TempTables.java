package io.sparkwright.spark;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.catalog.SessionCatalog;
import org.apache.spark.sql.catalyst.expressions.RowOrdering;
import org.apache.spark.sql.execution.CachedData;
import org.apache.spark.sql.execution.command.AlterTableSetPropertiesCommand;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.storage.StorageLevel;
import scala.Option;

/** Makes, sizes and drops the temp tables of one application: views, cached views and tables of Parquet files. */
final class TempTables {
  /** Table property with the session that owns the table. It is a storage property too, since that is set when the table is created. */
  static final String SESSION_PROPERTY = "sparkwright.session";

  private static final String CATALOG = "spark_catalog";
  /** The location of this database is the warehouse itself, so the tables' folders are directly in it. */
  private static final String DATABASE = "default";

  /**
   * @param frame the DataFrame of a cached view; null for a plain view
   * @param cacheName the plan's name in Spark's cache, that of our first view of it; null for a plain view, or if the user cached it
   */
  private record View(SparkSession session, Dataset<Row> frame, String cacheName) {}

  private final SparkContext context;
  private final Map<String, View> views = new ConcurrentHashMap<>();

  TempTables(SparkContext context) {
    this.context = context;
  }

  ObjectNode view(Dataset<Row> data, String name) {
    TempName.table(name);
    forget(name);
    frame(data).createOrReplaceTempView(TempName.quoted(name));
    views.put(name, new View(data.sparkSession(), null, null));
    return Messages.object().put("name", name).put("kind", "view");
  }

  ObjectNode cachedView(Dataset<Row> data, String name, String level) {
    TempName.table(name);
    refuseStreaming(data, "a cached view");
    StorageLevel wanted = StorageLevel.fromString(level);
    forget(name);
    Dataset<Row> frame = frame(data);
    if (Compat.cachedAs(frame) == null) {
      Compat.cache(frame, name, wanted);
    }
    CachedData cached = Compat.cachedAs(frame);
    String cacheName = cached == null ? null : SparkInternals.cachedName(cached);
    boolean theirs = cacheName == null || !cacheName.equals(name) && !views.containsKey(cacheName);
    frame.createOrReplaceTempView(TempName.quoted(name));
    views.put(name, new View(data.sparkSession(), frame, theirs ? null : cacheName));
    StorageLevel got = cached == null ? StorageLevel.NONE() : cached.cachedRepresentation().cacheBuilder().storageLevel();
    return Messages.object()
        .put("name", name)
        .put("kind", "cached_view")
        .put("level", SparkInternals.name(got))
        .put("cached_by", theirs ? "user" : "sparkwright");
  }

  /** A new DataFrame of the same plan. The user's object stays unplanned, so the host is still asked about its own actions later. */
  private static Dataset<Row> frame(Dataset<Row> data) {
    return Compat.frame(data.sparkSession(), Compat.execution(data).commandExecuted());
  }

  /** Drops the view made here under that name. Spark's public ways to drop a view also unpersist its plan, which may be the user's. */
  private void forget(String name) {
    View view = views.remove(name);
    if (view == null) {
      return;
    }
    Compat.catalog(view.session).dropTempView(name);
    if (view.cacheName != null && views.values().stream().noneMatch(other -> view.cacheName.equals(other.cacheName))) {
      view.frame.unpersist(false);
    }
  }

  ObjectNode table(Dataset<Row> data, String name, int files, String filesBy, String strategy, List<String> columns,
      String compression, Map<String, String> properties) {
    TempName.table(name);
    refuseStreaming(data, "a table");
    if (files < 0 || files == 0 && !strategy.equals("none")) {
      throw new IllegalArgumentException("a table of " + files + " files by " + strategy + ": wanted 1 or more");
    }
    SparkSession session = data.sparkSession();
    refuseForeign(session, name, properties.get(SESSION_PROPERTY));
    Layout layout = Layout.of(data, files, filesBy, strategy, columns);
    var writer = layout.frame.write()
        .format("parquet")
        .mode(SaveMode.Overwrite)
        .option("compression", codec(compression));
    if (properties.containsKey(SESSION_PROPERTY)) {
      // set when the table is created, in case the driver dies before the table properties are set
      writer = writer.option(SESSION_PROPERTY, properties.get(SESSION_PROPERTY));
    }
    if (layout.strategy.equals("hash")) {
      writer = writer.bucketBy(files, columns.get(0), columns.subList(1, columns.size()).toArray(String[]::new));
    }
    writer.saveAsTable(CATALOG + "." + DATABASE + "." + TempName.quoted(name));
    if (!properties.isEmpty()) {
      Compat.run(new AlterTableSetPropertiesCommand(identifier(name), Compat.map(properties), false), session);
    }
    CatalogTable made = known(session, name);
    if (made == null) {
      throw new IllegalStateException("table `" + name + "` was dropped by somebody while it was written");
    }
    ObjectNode told = Messages.object()
        .put("name", name)
        .put("kind", "table")
        .put("identifier", CATALOG + "." + DATABASE + "." + TempName.quoted(name))
        .put("location", made.location().toString())
        .put("partitioning", layout.strategy)
        .put("why", layout.why);
    long bytes = 0;
    List<FileStatus> written = dataFiles(made, session);
    for (FileStatus file : written) {
      bytes += file.getLen();
    }
    return told.put("files", written.size()).put("disk_bytes", bytes);
  }

  /** Spark's name of the codec. For LZ4 it is {@code lz4_raw}, which readers support today: {@code lz4} needs a codec of Hadoop's. */
  private static String codec(String compression) {
    return compression.equals("lz4") ? "lz4_raw" : compression.equals("none") ? "uncompressed" : compression;
  }

  /**
   * How a table's rows are distributed over its files.
   *
   * @param why why the strategy differs from the wanted one; null when it does not
   */
  private record Layout(Dataset<Row> frame, String strategy, String why) {
    static Layout of(Dataset<Row> data, int files, String filesBy, String strategy, List<String> columns) {
      if (!Set.of("hash", "range", "none").contains(strategy)) {
        throw new IllegalArgumentException("`" + strategy + "` is no partitioning of a table: wanted hash, range or none");
      }
      Dataset<Row> frame = TempTables.frame(data);
      String why = strategy.equals("none") ? null : whyNot(frame, columns);
      if (strategy.equals("none") || why != null) {
        return new Layout(files == 0 ? frame : inFiles(frame, files, filesBy), "none", why);
      }
      Column[] by = columns.stream().map(column -> frame.col(TempName.quoted(column))).toArray(Column[]::new);
      return strategy.equals("hash")
          ? new Layout(frame.repartition(files, by), strategy, null)
          : new Layout(frame.repartitionByRange(files, by).sortWithinPartitions(by), strategy, null);
    }

    private static Dataset<Row> inFiles(Dataset<Row> frame, int files, String filesBy) {
      return switch (String.valueOf(filesBy)) {
        case "repartition" -> frame.repartition(files);
        case "coalesce" -> frame.coalesce(files);
        default -> throw new IllegalArgumentException(
            "files are not made by `" + filesBy + "`: wanted repartition or coalesce");
      };
    }

    private static String whyNot(Dataset<Row> frame, List<String> columns) {
      if (columns.isEmpty()) {
        return "no column is named to partition by";
      }
      StructType schema = frame.schema();
      boolean caseSensitive = Compat.sqlConf(frame.sparkSession()).caseSensitiveAnalysis();
      for (String name : columns) {
        int at = 0;
        while (at < schema.length() && !(caseSensitive ? schema.fields()[at].name().equals(name)
            : schema.fields()[at].name().equalsIgnoreCase(name))) {
          at++;
        }
        if (at == schema.length()) {
          throw new IllegalArgumentException("no column `" + name + "` to partition by: the data has "
              + String.join(", ", schema.fieldNames()));
        }
        DataType type = schema.fields()[at].dataType();
        if (!RowOrdering.isOrderable(type)) {
          return "column `" + name + "` is of type " + type.catalogString() + ", by which Spark can't partition";
        }
      }
      return null;
    }
  }

  /** Throws if a table of that name belongs to another session or to the user: such a table is never overwritten. */
  private static void refuseForeign(SparkSession session, String name, String owner) {
    CatalogTable there = known(session, name);
    if (there == null) {
      return;
    }
    String theirs = owner(there);
    if (theirs == null || !theirs.equals(owner)) {
      throw new IllegalStateException("table `" + name + "` is there already and "
          + (theirs == null ? "is not a temp table" : "belongs to session " + theirs) + ": take another name or table_prefix");
    }
  }

  private static String owner(CatalogTable table) {
    String owner = SparkInternals.orNull(table.properties().get(SESSION_PROPERTY));
    return owner != null ? owner : SparkInternals.orNull(table.storage().properties().get(SESSION_PROPERTY));
  }

  /** Drops what {@link #view}, {@link #cachedView} or {@link #table} made; does nothing if it does not exist any more. */
  void drop(String name, String kind) {
    TempName.table(name);
    switch (kind) {
      case "view", "cached_view" -> forget(name);
      case "table" -> dropTable(name);
      default -> throw new IllegalArgumentException("`" + kind + "` is no kind of temp table: wanted view, cached_view or table");
    }
  }

  private void dropTable(String name) {
    SparkSession session = SparkSession.active();
    CatalogTable table = known(session, name);
    if (table == null) {
      return;
    }
    if (owner(table) == null) {
      throw new IllegalStateException("table `" + name + "` is not a temp table of Sparkwright's: it stays");
    }
    session.sql("DROP TABLE IF EXISTS " + CATALOG + "." + DATABASE + "." + TempName.quoted(name) + " PURGE");
  }

  /** The memory, files and rows of each of {@code names}, from Spark's block managers and the file system. */
  ObjectNode sizes(List<String> names, ProfileLimits limits) {
    ObjectNode told = Messages.object();
    for (String name : names) {
      TempName.table(name);
      ObjectNode one = told.putObject(name);
      View view = views.get(name);
      CachedData cached = view == null || view.frame == null ? null : Compat.cachedAs(view.frame);
      if (cached != null) {
        cached(one, cached);
      } else if (view != null) {
        size(one, "view", 0, 0, 0, null, 0, null);
      } else {
        table(one, name, limits);
      }
    }
    return told;
  }

  private void cached(ObjectNode into, CachedData cached) {
    String rddName = cached.cachedRepresentation().cacheBuilder().cachedName();
    SparkInternals.StoredRdd rdd = SparkInternals.storedRdds(context, rddName::equals).get(rddName);
    if (rdd == null) {
      size(into, "cached_view", 0, 0, 0, null, 0, null); // nothing has used it yet
      return;
    }
    boolean whole = rdd.cachedPartitions() == rdd.partitions;
    Option<scala.math.BigInt> rows = cached.cachedRepresentation().stats().rowCount();
    Long count = whole && rows.isDefined() ? (Long) rows.get().toLong() : null;
    size(into, "cached_view", rdd.memoryBytes(), rdd.diskBytes(), 0, rdd.partitions, rdd.cachedPartitions(), count);
  }

  private static void table(ObjectNode into, String name, ProfileLimits limits) {
    SparkSession session = SparkSession.active();
    CatalogTable table = known(session, name);
    if (table == null) {
      size(into, "absent", 0, 0, 0, null, 0, null);
      return;
    }
    List<FileStatus> files = dataFiles(table, session);
    long bytes = files.stream().mapToLong(FileStatus::getLen).sum();
    Long rows = ParquetRows.in(files, Compat.hadoopConf(session), limits);
    size(into, "table", 0, bytes, files.size(), null, 0, rows);
  }

  private static void size(ObjectNode into, String kind, long memoryBytes, long diskBytes, int files, Integer partitions,
      int cachedPartitions, Long rows) {
    into.put("kind", kind)
        .put("memory_bytes", memoryBytes)
        .put("disk_bytes", diskBytes)
        .put("files", files)
        .put("partitions", partitions)
        .put("cached_partitions", cachedPartitions)
        .put("rows", rows);
  }

  /** Temp tables (not views) in the catalog whose name begins with {@code prefix}. */
  ArrayNode catalogTables(String prefix) {
    TempName.prefix(prefix);
    SparkSession session = SparkSession.active();
    SessionCatalog catalog = Compat.catalog(session);
    ArrayNode told = Messages.array();
    // Hive's catalog stores names in lower case only
    Set<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    for (TableIdentifier table : SparkInternals.list(catalog.listTables(DATABASE, prefix + "*", false))) {
      names.add(table.table());
    }
    for (String name : names) {
      CatalogTable table = name.regionMatches(true, 0, prefix, 0, prefix.length()) ? known(session, name) : null;
      String owner = table == null ? null : owner(table);
      if (owner != null) {
        ObjectNode one = told.addObject().put("name", name).put("session", owner).put("location", table.location().toString());
        ObjectNode properties = one.putObject("properties");
        SparkInternals.list(table.properties()).forEach(property -> properties.put(property._1(), property._2()));
      }
    }
    return told;
  }

  /** The folder in which tables' folders are created. */
  static URI warehouse(SparkSession session) {
    return Compat.catalog(session).getDatabaseMetadata(DATABASE).locationUri();
  }

  /** Null when the catalog has no such table. */
  private static CatalogTable known(SparkSession session, String name) {
    SessionCatalog catalog = Compat.catalog(session);
    try {
      return catalog.tableExists(identifier(name)) ? catalog.getTableMetadata(identifier(name)) : null;
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) { // Scala throws checked exceptions undeclared: the table was dropped in between
      Log.debug("Sparkwright: no table " + name, e);
      return null;
    }
  }

  private static TableIdentifier identifier(String name) {
    return new TableIdentifier(name, Option.apply(DATABASE), Option.apply(CATALOG));
  }

  private static List<FileStatus> dataFiles(CatalogTable table, SparkSession session) {
    Path folder = new Path(table.location());
    List<FileStatus> files = new ArrayList<>();
    try {
      FileSystem fs = folder.getFileSystem(Compat.hadoopConf(session));
      for (FileStatus status : fs.listStatus(folder, path -> !path.getName().startsWith("_") && !path.getName().startsWith("."))) {
        if (status.isFile()) {
          files.add(status);
        }
      }
    } catch (FileNotFoundException e) {
      Log.debug("Sparkwright: no folder " + folder, e);
    } catch (IOException e) {
      throw new UncheckedIOException("can't look into " + folder + ": " + e.getMessage(), e);
    }
    return files;
  }

  private static void refuseStreaming(Dataset<Row> data, String what) {
    if (data.isStreaming()) {
      throw new IllegalArgumentException("a streaming DataFrame can't become " + what + ": wanted a DataFrame of data at rest");
    }
  }
}
