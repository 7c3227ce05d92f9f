package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.PlanExpression;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.datasources.DataSourceStrategy$;
import org.apache.spark.sql.execution.datasources.FileStatusWithMetadata;
import org.apache.spark.sql.execution.datasources.HadoopFsRelation;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.execution.datasources.PartitionDirectory;
import org.apache.spark.sql.execution.datasources.PartitioningAwareFileIndex;
import org.apache.spark.sql.sources.DataSourceRegister;
import scala.math.BigInt;

/** File relations, and which of their files a plan reads. */
final class FileRelation {
  /**
   * @param files the files that are read
   * @param pruned whether a filter on partition columns excluded some files
   */
  record Read(LogicalRelation relation, List<FileStatus> files, boolean pruned) {
    long bytes() {
      return files.stream().mapToLong(FileStatus::getLen).sum();
    }

    /** Whether Spark can split each file between tasks. The file format is asked once for each file extension. */
    boolean splittable(SparkSession session) {
      HadoopFsRelation of = of(relation);
      Map<String, Path> byEnding = new HashMap<>();
      for (FileStatus file : files) {
        String name = file.getPath().getName();
        byEnding.putIfAbsent(name.substring(name.lastIndexOf('.') + 1), file.getPath());
      }
      return byEnding.values().stream().allMatch(path -> of.fileFormat().isSplitable(session, of.options(), path));
    }

    boolean isParquet() {
      return "parquet".equals(format(of(relation)));
    }
  }

  private FileRelation() {}

  /** The file relation of a plan; null if the plan is anything else. */
  static HadoopFsRelation of(LogicalPlan plan) {
    return plan instanceof LogicalRelation relation && relation.relation() instanceof HadoopFsRelation files ? files : null;
  }

  /** The short name of the format, such as {@code parquet}; null when it has none. */
  static String format(HadoopFsRelation files) {
    return files != null && files.fileFormat() instanceof DataSourceRegister named ? named.shortName() : null;
  }

  /**
   * The files that a file relation, or a filter directly above one, reads. Null for any other plan, and where Spark has not listed the
   * files (listing the partitions of a catalog table could start a job).
   */
  static Read read(LogicalPlan plan) {
    LogicalPlan below = plan instanceof Filter filter ? filter.child() : plan;
    HadoopFsRelation files = of(below);
    if (files == null || !(files.location() instanceof PartitioningAwareFileIndex index)) {
      return null;
    }
    LogicalRelation relation = (LogicalRelation) below;
    List<FileStatus> all = SparkInternals.list(index.allFiles());
    if (plan instanceof Filter filter) {
      List<Expression> byPartition = onPartitions(filter, relation, files);
      if (!byPartition.isEmpty()) {
        List<FileStatus> left = left(index, byPartition, relation);
        if (left != null && left.size() < all.size()) {
          return new Read(relation, left, true);
        }
      }
    }
    return new Read(relation, all, false);
  }

  /** The conjuncts of a filter that refer to partition columns only. */
  private static List<Expression> onPartitions(Filter filter, LogicalRelation relation, HadoopFsRelation files) {
    Set<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    names.addAll(List.of(files.partitionSchema().fieldNames()));
    List<Expression> found = new ArrayList<>();
    for (Expression part : EquiJoin.parts(filter.condition())) {
      List<Attribute> columns = SparkInternals.list(part.references());
      if (!columns.isEmpty() && part.deterministic() && !hasSubquery(part)
          && columns.stream().allMatch(column -> names.contains(column.name().toLowerCase(Locale.ROOT)))) {
        found.add(part);
      }
    }
    return found;
  }

  private static boolean hasSubquery(Expression expression) {
    return expression instanceof PlanExpression<?>
        || SparkInternals.list(expression.children()).stream().anyMatch(FileRelation::hasSubquery);
  }

  /** The files that remain after partition pruning; null when Spark can't prune. */
  private static List<FileStatus> left(PartitioningAwareFileIndex index, List<Expression> filters, LogicalRelation relation) {
    try {
      List<Attribute> output = new ArrayList<>(SparkInternals.list(relation.output()));
      var named = DataSourceStrategy$.MODULE$.normalizeExprs(Compat.seq(filters), Compat.seq(output));
      List<FileStatus> left = new ArrayList<>();
      for (PartitionDirectory partition : SparkInternals.list(index.listFiles(named, Compat.seq(List.<Expression>of())))) {
        for (FileStatusWithMetadata file : SparkInternals.list(partition.files())) {
          left.add(file.fileStatus());
        }
      }
      return left;
    } catch (RuntimeException e) {
      Log.debug("Sparkwright: which partitions are read stays unknown", e);
      return null;
    }
  }

  /** The rows that {@code ANALYZE TABLE} counted; null if the table was never analysed. */
  static BigInt cataloguedRows(LogicalRelation relation) {
    CatalogTable table = SparkInternals.orNull(relation.catalogTable());
    if (table == null || !table.stats().isDefined()) {
      return null;
    }
    return SparkInternals.orNull(table.stats().get().rowCount());
  }
}
