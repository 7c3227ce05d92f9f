package io.sparkwright.spark;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.OuterReference;
import org.apache.spark.sql.catalyst.expressions.objects.Invoke;
import org.apache.spark.sql.catalyst.expressions.objects.StaticInvoke;
import org.apache.spark.sql.catalyst.plans.logical.Command;
import org.apache.spark.sql.catalyst.plans.logical.GlobalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LocalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Offset;
import org.apache.spark.sql.catalyst.plans.logical.OneRowRelation;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.Range;
import org.apache.spark.sql.catalyst.plans.logical.Repartition;
import org.apache.spark.sql.catalyst.plans.logical.Sort;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.execution.datasources.HadoopFsRelation;
import org.apache.spark.sql.execution.datasources.InMemoryFileIndex;
import org.apache.spark.sql.execution.datasources.InsertIntoHadoopFsRelationCommand;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StringType;

/**
 * Why a plan node may not be part of an automatically cached plan. Operators and sources are allowed by a list of those that return the
 * same rows each time, so a new one in a later Spark is not cached. Expressions are allowed if they are Spark's own and are not listed here
 * as depending on context, order or user code. {@link PlanFacts} also refuses plans that Spark itself calls non-deterministic.
 */
final class Cacheability {
  static final String OPAQUE_SOURCE = "opaque_source";
  static final String OPAQUE_OPERATOR = "opaque_operator";
  static final String READS_CONTEXT = "reads_context";
  static final String USER_FUNCTION = "user_function";
  /** The result depends on the order in which rows arrive. */
  static final String ORDER_DEPENDENT = "order_dependent";
  /** The plan refers to columns of an outer query. It can't be cached alone, but the plan that contains the subquery can. */
  static final String CORRELATED = "correlated_subquery";
  static final String ABOVE_USER_CACHE = "above_user_cache";
  static final String TOO_MANY_FILES = "too_many_files";
  static final String JUST_WRITTEN = "source_just_written";
  static final String OVERWRITTEN = "source_overwritten";
  /** The query stops before it has computed all rows of it, or may do so. */
  static final String PARTLY_READ = "partly_read";
  /** What Spark shuffles for this limit it shuffles anew for an object that is asked again; of a kept plan it does not. */
  static final String LIMIT = "limit";
  /** What the query returns or writes depends on the partitions that its rows come in, and a kept plan has others. */
  static final String TIED_TO_PARTITIONS = "tied_to_partitions";
  /** Which rows a file yields depends on the columns that are asked for, and a cached plan asks for more. */
  static final String PARSED_BY_COLUMNS = "parsed_by_columns";
  /** Blocks on disk or in serialised form would fail: Kryo takes no class that nobody registered. */
  static final String UNREGISTERED = "kryo_registration_required";

  private static final String LOGICAL = "org.apache.spark.sql.catalyst.plans.logical.";
  private static final Set<String> OPERATORS = Set.of(
      "Project", "Filter", "Aggregate", "Join", "Union", "Distinct", "Deduplicate", "Window", "Sort", "Expand", "Generate",
      "SubqueryAlias", "View", "Intersect", "Except", "RepartitionByExpression", "Repartition", "RebalancePartitions",
      "ResolvedHint", "Subquery", "Unpivot", "Pivot");

  /** Exact classes: table formats extend these classes and read the same files differently. */
  private static final Set<String> FORMATS = Set.of(
      "org.apache.spark.sql.execution.datasources.parquet.ParquetFileFormat",
      "org.apache.spark.sql.execution.datasources.orc.OrcFileFormat",
      "org.apache.spark.sql.execution.datasources.csv.CSVFileFormat",
      "org.apache.spark.sql.execution.datasources.json.JsonFileFormat",
      "org.apache.spark.sql.execution.datasources.text.TextFileFormat",
      "org.apache.spark.sql.avro.AvroFileFormat");

  private static final String EXPRESSIONS = "org.apache.spark.sql.catalyst.expressions.";
  private static final String OBJECT_EXPRESSIONS = EXPRESSIONS + "objects.";
  private static final Set<String> USER_CODE = Set.of(
      "ScalaUDF", "PythonUDF", "PythonUDAF", "PythonUDTF", "UnresolvedPolymorphicPythonUDTF", "UserDefinedGenerator",
      "CallMethodViaReflection", "TryReflect", "ApplyFunctionExpression", "ScalaAggregator", "ScalaUDAF", "V2Aggregator",
      "ExternalUserDefinedFunction");
  private static final Set<String> CONTEXT = Set.of(
      "Now", "LocalTimestamp", "InputFileName", "InputFileBlockStart", "InputFileBlockLength", "MonotonicallyIncreasingID",
      "SparkPartitionID", "DirectShufflePartitionID", "Uuid", "Rand", "Randn", "RandStr", "Uniform", "Shuffle", "VariableReference",
      "SparkVersion", "AssertTrue", "RaiseError", "Sleep", "SessionUser",
      // Spark calls them deterministic: the one draws its own random IV, the others draw what they leave out.
      "AesEncrypt", "KllSketchAggBigint", "KllSketchAggFloat", "KllSketchAggDouble", "KllMergeAggBigint", "KllMergeAggFloat",
      "KllMergeAggDouble");

  /** Expressions on the file that the current task reads. They return nothing when the rows come from a cache. */
  private static final Set<String> FILE_READERS = Set.of("InputFileName", "InputFileBlockStart", "InputFileBlockLength");

  /** Expressions whose values depend on the partition that a row is in. */
  private static final Set<String> BY_PARTITION = Set.of(
      "Rand", "Randn", "RandStr", "Uniform", "Shuffle", "MonotonicallyIncreasingID", "SparkPartitionID");

  private static final Set<String> ORDERED = Set.of(
      "First", "Last", "AnyValue", "CollectList", "CollectSet", "CollectTopK", "ListAgg", "ArrayAgg", "Mode", "MaxBy", "MinBy",
      "ApproximatePercentile", "HistogramNumeric", "HllSketchAgg", "HllUnionAgg", "ThetaSketchAgg", "ThetaUnionAgg",
      "ThetaIntersectionAgg", "TupleSketchAggDouble", "TupleSketchAggInteger", "TupleUnionAggDouble", "TupleUnionAggInteger",
      "TupleIntersectionAggDouble", "TupleIntersectionAggInteger", "ApproxTopK", "ApproxTopKAccumulate", "ApproxTopKCombine");

  private enum Verdict { FINE, OBJECTS, CONTEXT, ORDERED, USER_CODE }

  private static final ClassValue<Verdict> VERDICTS = new ClassValue<>() {
    @Override
    protected Verdict computeValue(Class<?> type) {
      return decide(type);
    }
  };

  private Cacheability() {}

  /** The reason in the node itself, without its children; null when there is none. */
  static String ofNode(LogicalPlan node) {
    if (node.isStreaming()) {
      return OPAQUE_SOURCE;
    }
    if (node.children().isEmpty()) {
      return !isKnownSource(node) ? OPAQUE_SOURCE : isParsedByColumns(node) ? PARSED_BY_COLUMNS : tellsOfItsFiles(node) ? READS_CONTEXT : null;
    }
    if (limits(node)) {
      return !aboveSort(node) ? OPAQUE_OPERATOR : Compat.PLANS_REMEMBER_RDDS ? null : LIMIT;
    }
    String name = node.getClass().getName();
    return name.startsWith(LOGICAL) && OPERATORS.contains(name.substring(LOGICAL.length())) ? null : OPAQUE_OPERATOR;
  }

  /** The index of a relation whose files Spark itself lists; null for every other node. */
  static InMemoryFileIndex files(LogicalPlan node) {
    return node instanceof LogicalRelation relation
            && relation.relation() instanceof HadoopFsRelation files
            && files.location().getClass() == InMemoryFileIndex.class
        ? (InMemoryFileIndex) files.location()
        : null;
  }

  /** The folder whose files this command deletes before it reads anything; null if it is no such command. */
  static String overwrites(LogicalPlan node) {
    return node instanceof InsertIntoHadoopFsRelationCommand write && write.mode() == SaveMode.Overwrite
        ? write.outputPath().toString()
        : null;
  }

  private static boolean isKnownSource(LogicalPlan leaf) {
    if (leaf instanceof LocalRelation || leaf instanceof Range || leaf instanceof OneRowRelation) {
      return true;
    }
    return files(leaf) != null
        && FORMATS.contains(((HadoopFsRelation) ((LogicalRelation) leaf).relation()).fileFormat().getClass().getName());
  }

  /**
   * Whether other columns may give other rows, or fail where these do not. Spark parses the columns that a query needs: a record that is
   * malformed elsewhere is dropped, or fails, only for a query that needs more, and a column that can't be read ends a file whose errors
   * are ignored.
   */
  private static boolean isParsedByColumns(LogicalPlan leaf) {
    HadoopFsRelation files = FileRelation.of(leaf);
    if (files == null) {
      return false;
    }
    Map<String, String> options = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    options.putAll(SparkInternals.map(files.options()));
    SQLConf conf = SQLConf.get();
    if (Boolean.parseBoolean(options.getOrDefault("ignoreCorruptFiles", conf.getConfString("spark.sql.files.ignoreCorruptFiles", "false")))) {
      return true;
    }
    String format = FileRelation.format(files);
    if (!"csv".equals(format) && !"json".equals(format)) {
      return false;
    }
    String corrupt = options.getOrDefault("columnNameOfCorruptRecord", conf.columnNameOfCorruptRecord());
    return !"PERMISSIVE".equalsIgnoreCase(options.getOrDefault("mode", "PERMISSIVE"))
        || !Boolean.parseBoolean(options.getOrDefault("enforceSchema", "true"))
        || Arrays.stream(files.dataSchema().fieldNames()).anyMatch(corrupt::equalsIgnoreCase);
  }

  /** Whether rows have {@code _metadata}: where a block of a file begins follows from the partitions that the files are read in. */
  private static boolean tellsOfItsFiles(LogicalPlan leaf) {
    return SparkInternals.list(leaf.output()).stream().anyMatch(column -> column.metadata().contains("__metadata_col"));
  }

  /** Whether this Spark can't store blocks of a cached plan in serialised form. */
  static boolean refusesBlocks(SparkConf conf) {
    return conf.get("spark.serializer", "").endsWith("KryoSerializer") && conf.getBoolean("spark.kryo.registrationRequired", false);
  }

  static boolean limits(LogicalPlan node) {
    return node instanceof GlobalLimit || node instanceof LocalLimit || node instanceof Offset;
  }

  /** Whether a limit is above a global sort: only then does it return the same rows each time. */
  private static boolean aboveSort(LogicalPlan limit) {
    LogicalPlan below = limit;
    while (limits(below) || below instanceof Project || below instanceof SubqueryAlias) {
      below = below.children().head();
    }
    return below instanceof Sort sort && sort.global();
  }

  /** The reason in one expression, without its children; null when there is none. */
  static String ofExpression(Expression expression) {
    if (expression instanceof Cast cast && mayBeNow(cast)) {
      return READS_CONTEXT;
    }
    return switch (VERDICTS.get(expression.getClass())) {
      case FINE -> null;
      case CONTEXT -> READS_CONTEXT;
      case ORDERED -> ORDER_DEPENDENT;
      case USER_CODE -> USER_FUNCTION;
      case OBJECTS -> callsOnlySpark(expression) ? null : USER_FUNCTION;
    };
  }

  private static final Set<String> TIMES = Set.of("date", "timestamp", "timestamp_ntz");
  private static final Pattern TEXT_OF_NOW = Pattern.compile("\\s*(now|today|tomorrow|yesterday)\\b.*", Pattern.CASE_INSENSITIVE | Pattern.DOTALL);

  /** Whether a text that stands in the query is cast to a time: Spark takes {@code 'now'} and {@code 'today'} for what they are at each planning. */
  private static boolean mayBeNow(Cast cast) {
    if (!(cast.child().dataType() instanceof StringType) || !cast.child().foldable() || !TIMES.contains(cast.dataType().typeName())) {
      return false;
    }
    return !(cast.child() instanceof Literal text) || text.value() != null && TEXT_OF_NOW.matcher(text.value().toString()).matches();
  }

  static boolean refersToOuter(Expression expression) {
    return expression instanceof OuterReference;
  }

  /** Whether a command writes what its query returns. */
  static boolean writes(LogicalPlan node) {
    return node instanceof Command && !node.children().isEmpty();
  }

  /**
   * Whether an operator's rows come in the partitions of a shuffle of its own. A join may have its larger side's, and what groups rows may have
   * those of an operator below.
   *
   * @param shuffledBelow whether there may be one below that has the partitions already
   */
  static boolean shuffles(LogicalPlan node, boolean shuffledBelow) {
    return switch (node.getClass().getSimpleName()) {
      case "Aggregate", "Distinct", "Deduplicate", "Window", "Intersect", "Except" -> !shuffledBelow;
      case "RepartitionByExpression", "RebalancePartitions" -> true;
      case "Repartition" -> ((Repartition) node).shuffle();
      case "Sort" -> ((Sort) node).global();
      default -> false;
    };
  }

  /** Whether an operator gives a partition at a time to a function of the user. */
  static boolean givesPartitions(LogicalPlan node) {
    String name = node.getClass().getSimpleName();
    return name.startsWith("MapPartitions") || name.endsWith("MapInPandas") || name.endsWith("MapInArrow") || name.equals("ScriptTransformation");
  }

  static boolean isByPartition(Expression expression) {
    return VERDICTS.get(expression.getClass()) == Verdict.CONTEXT && BY_PARTITION.contains(expression.getClass().getSimpleName());
  }

  static boolean readsCurrentFile(Expression expression) {
    return VERDICTS.get(expression.getClass()) == Verdict.CONTEXT && FILE_READERS.contains(expression.getClass().getSimpleName());
  }

  private static Verdict decide(Class<?> type) {
    String name = type.getName();
    if (!name.startsWith(EXPRESSIONS)) {
      return Verdict.USER_CODE;
    }
    String simple = name.substring(name.lastIndexOf('.') + 1);
    if (simple.endsWith("$")) {
      simple = simple.substring(0, simple.length() - 1);
    }
    if (USER_CODE.contains(simple)) {
      return Verdict.USER_CODE;
    }
    if (ORDERED.contains(simple)) {
      return Verdict.ORDERED;
    }
    if (CONTEXT.contains(simple) || simple.startsWith("Current")) {
      // CurrentTimestamp, CurrentDate, CurrentTime, CurrentTimeZone, CurrentUser, CurrentDatabase, CurrentCatalog, …
      // Not CurrentRow, which is a window frame bound.
      return simple.equals("CurrentRow") ? Verdict.FINE : Verdict.CONTEXT;
    }
    return name.startsWith(OBJECT_EXPRESSIONS) ? Verdict.OBJECTS : Verdict.FINE;
  }

  /** Whether the call runs Spark's own code only. Many built-in functions call a static method or a literal evaluator of Spark. */
  private static boolean callsOnlySpark(Expression call) {
    if (call instanceof StaticInvoke invoke) {
      return isSparks(invoke.staticObject());
    }
    return call instanceof Invoke invoke
        && invoke.targetObject() instanceof Literal literal
        && literal.value() != null
        && isSparks(literal.value().getClass());
  }

  private static boolean isSparks(Class<?> type) {
    return type.getName().startsWith("org.apache.spark.sql.catalyst.") || type.getName().startsWith("org.apache.spark.unsafe.");
  }
}
