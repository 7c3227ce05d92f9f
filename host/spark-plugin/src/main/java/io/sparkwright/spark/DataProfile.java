package io.sparkwright.spark;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.fs.FileStatus;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.Range;
import org.apache.spark.sql.catalyst.plans.logical.Repartition;
import org.apache.spark.sql.catalyst.plans.logical.RepartitionByExpression;
import org.apache.spark.sql.catalyst.plans.logical.Sort;
import org.apache.spark.sql.execution.LogicalRDD;
import org.apache.spark.sql.execution.columnar.InMemoryRelation;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.execution.datasources.LogicalRelation$;
import org.apache.spark.sql.sources.BaseRelation;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import scala.math.BigInt;

/**
 * The size of a DataFrame's data, without a job: from planning statistics, file listings, Parquet footers, the catalog and Spark's cache.
 * The DataFrame object itself is not planned, so the host is still asked about its own actions later.
 */
final class DataProfile {
  private final SparkSession session;
  private final ProfileLimits limits;
  private final List<FileStatus> files = new ArrayList<>();
  private boolean splittable = true;
  private final ObjectNode told = Messages.object();

  private DataProfile(SparkSession session, ProfileLimits limits) {
    this.session = session;
    this.limits = limits;
  }

  /** The JSON of {@link Pipelines#profile}. */
  static ObjectNode of(Dataset<Row> data, ProfileLimits limits) {
    SparkSession session = data.sparkSession();
    DataProfile profile = new DataProfile(session, limits);
    LogicalPlan plan = data.isStreaming()
        ? null
        : Steering.unasked(() -> Compat.planning(session, Compat.execution(data).commandExecuted()).optimizedPlan());
    profile.size(plan);
    profile.files();
    profile.columns(data.schema());
    return profile.told;
  }

  private void size(LogicalPlan plan) {
    LogicalPlan source = plan == null ? null : source(plan);
    Long bytes = plan == null ? null : known(sized(plan).stats().sizeInBytes());
    boolean onlyFiles = plan == source && FileRelation.read(source) != null;
    told.put("bytes", onlyFiles ? (Long) files.stream().mapToLong(FileStatus::getLen).sum() : bytes);
    told.put("bytes_source", onlyFiles ? "files" : bytes == null ? "unknown" : bytesSource(plan, source));
    Rows rows = plan == null ? Rows.UNKNOWN : rows(plan, source);
    told.put("rows", rows.count).put("rows_source", rows.source);
    told.put("partitions", plan == null ? null : partitions(plan));
  }

  private static String bytesSource(LogicalPlan plan, LogicalPlan source) {
    if (plan == source && source instanceof InMemoryRelation cached && isWhole(cached)) {
      return "cached";
    }
    return source instanceof LocalRelation ? "local" : "plan_statistics";
  }

  /** The leaf whose rows the plan returns one for one; null when the plan filters, joins, groups or adds rows. */
  private static LogicalPlan source(LogicalPlan plan) {
    LogicalPlan below = plan;
    while (below instanceof Project || below instanceof Sort || below instanceof Repartition
        || below instanceof RepartitionByExpression) {
      below = below.children().head();
    }
    return below.children().isEmpty() ? below : null;
  }

  private static boolean isWhole(InMemoryRelation cached) {
    return cached.cacheBuilder().isCachedColumnBuffersLoaded() && cached.stats().rowCount().isDefined();
  }

  /**
   * The plan with stand-in leaves where we know a size better than Spark's statistics. For an equi-join these multiply the sizes of both
   * sides, which makes petabytes of two small tables. Such a join gets the sum of its inputs' sizes, and {@code join_inputs} is set.
   */
  private LogicalPlan sized(LogicalPlan plan) {
    if (plan instanceof InMemoryRelation cached && !isWhole(cached)) {
      LogicalPlan made = SparkInternals.plannedFrom(cached.cacheBuilder().cachedPlan());
      return made == null ? plan : sized(made);
    }
    FileRelation.Read read = FileRelation.read(plan);
    if (read != null) {
      files.addAll(read.files());
      splittable &= read.splittable(session);
      return read.pruned() ? plan.withNewChildren(Compat.seq(List.of(leaf(read.relation(), BigInt.apply(read.bytes()))))) : plan;
    }
    List<LogicalPlan> children = new ArrayList<>();
    boolean changed = false;
    for (LogicalPlan child : SparkInternals.list(plan.children())) {
      LogicalPlan sized = sized(child);
      changed |= sized != child;
      children.add(sized);
    }
    LogicalPlan rebuilt = changed ? plan.withNewChildren(Compat.seq(children)) : plan;
    if (rebuilt instanceof Join join && multiplies(join)) {
      told.put("join_inputs", true);
      return leaf(plan, join.left().stats().sizeInBytes().$plus(join.right().stats().sizeInBytes()));
    }
    return rebuilt;
  }

  /** Whether Spark multiplies the sides' sizes. For semi and anti joins it takes one side's; with cost-based optimisation it uses rows. */
  private static boolean multiplies(Join join) {
    String type = join.joinType().sql();
    return !type.equals("LEFT SEMI") && !type.equals("LEFT ANTI")
        && !join.stats().rowCount().isDefined()
        && EquiJoin.own(join).stream().anyMatch(condition -> EquiJoin.joinsSides(condition, join));
  }

  private LogicalPlan leaf(LogicalPlan like, BigInt bytes) {
    Long known = known(bytes);
    return LogicalRelation$.MODULE$.apply(new Sized(session.sqlContext(), like.schema(), known == null ? Long.MAX_VALUE : known), false);
  }

  /** A leaf that replaces a part of a plan when only its size matters. */
  private static final class Sized extends BaseRelation {
    private final SQLContext context;
    private final StructType schema;
    private final long bytes;

    Sized(SQLContext context, StructType schema, long bytes) {
      this.context = context;
      this.schema = schema;
      this.bytes = bytes;
    }

    @Override
    public SQLContext sqlContext() {
      return context;
    }

    @Override
    public StructType schema() {
      return schema;
    }

    @Override
    public long sizeInBytes() {
      return bytes;
    }
  }

  private record Rows(Long count, String source) {
    static final Rows UNKNOWN = new Rows(null, null);
  }

  private Rows rows(LogicalPlan plan, LogicalPlan source) {
    if (source instanceof InMemoryRelation cached) {
      return isWhole(cached) ? new Rows(Question.rows(cached.stats(), limits.unknownAboveBytes()), "cached") : Rows.UNKNOWN;
    }
    if (source instanceof LocalRelation local) {
      return new Rows((long) local.data().size(), "local");
    }
    FileRelation.Read read = source == null ? null : FileRelation.read(source);
    if (read != null && read.isParquet()) {
      Long rows = ParquetRows.in(read.files(), Compat.hadoopConf(session), limits);
      if (rows != null) {
        return new Rows(rows, "parquet_footers");
      }
    }
    Long planned = Question.rows((source == null ? plan : source).stats(), limits.unknownAboveBytes());
    if (planned != null) {
      return new Rows(planned, "plan_statistics");
    }
    BigInt catalogued = source instanceof LogicalRelation relation ? FileRelation.cataloguedRows(relation) : null;
    return catalogued == null ? Rows.UNKNOWN : new Rows(known(catalogued), "catalog");
  }

  private Long known(BigInt number) {
    return Question.known(number, limits.unknownAboveBytes());
  }

  /** The number of partitions; null where it is known only after the plan has run or its files have been split. */
  private Integer partitions(LogicalPlan plan) {
    LogicalPlan below = plan;
    while (below instanceof Project || below instanceof org.apache.spark.sql.catalyst.plans.logical.Filter) {
      below = below.children().head();
    }
    if (below instanceof Repartition repartition && repartition.shuffle()) {
      return repartition.numPartitions();
    }
    if (below instanceof RepartitionByExpression repartition && repartition.optNumPartitions().isDefined()) {
      return repartition.numPartitions();
    }
    if (below instanceof LogicalRDD rdd) {
      return rdd.rdd().getNumPartitions();
    }
    if (below instanceof InMemoryRelation cached && isWhole(cached)) {
      return cached.cacheBuilder().cachedColumnBuffers().getNumPartitions();
    }
    return below instanceof Range range && range.numSlices().isDefined() ? (Integer) range.numSlices().get() : null;
  }

  private void files() {
    told.put("files", files.size());
    told.put("files_splittable", files.isEmpty() ? null : (Boolean) splittable);
    long[] sizes = files.stream().mapToLong(FileStatus::getLen).sorted().toArray();
    ArrayNode some = told.putArray("file_bytes");
    int count = Math.min(sizes.length, limits.fileSizesAtMost());
    for (int i = 0; i < count; i++) {
      // the first and the last are the smallest and the largest
      some.add(sizes[count == 1 ? sizes.length - 1 : (int) ((long) i * (sizes.length - 1) / (count - 1))]);
    }
  }

  private void columns(StructType schema) {
    ArrayNode columns = told.putArray("columns");
    for (StructField field : schema.fields()) {
      columns.addObject()
          .put("name", field.name())
          .put("type", field.dataType().catalogString())
          .put("nullable", field.nullable());
    }
  }
}
