package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Sample;
import org.apache.spark.sql.execution.datasources.InMemoryFileIndex;
import scala.collection.Iterator;

/**
 * A logical plan as nodes: for each sub-plan the hash of its result, the files that it reads, and why it may not be cached. Built in one
 * walk for each question.
 */
final class PlanFacts implements PlanHash.Visitor {
  /** One operator. Its children are those of the plan, then the plans of its subquery expressions. */
  static final class Node {
    final LogicalPlan plan;
    final List<Node> children = new ArrayList<>(2);
    /** Files read by this leaf, or null. */
    SourceIdentity.Listing files;
    int size = 1;
    /** Digest of the path, length and modification time of every file below. */
    long sources;
    /** Sum of a hash of each leaf below (its class and root paths): equal for plans that Spark considers the same. */
    long leaves;
    /** Why this sub-plan may not be cached, apart from {@link #correlated}; null when it may. */
    String reason;
    /** Whether a column of an outer query is used below. */
    boolean correlated;
    /** Whether an expression here or above uses the name of the file that is being read. */
    boolean filesSeenFromAbove;
    /** Whether this operator draws or numbers rows by partition, or gives whole partitions to a function of the user. */
    boolean byPartition;
    /** Whether what is made of this sub-plan's rows depends on the partitions that they come in. */
    boolean partitionsSeenFromAbove;
    /** Whether this operator, or one below, has its rows in the partitions of a shuffle. */
    boolean shuffled;
    /** Whether one below has. */
    boolean shuffledBelow;
    /** Whether this is so only because the query writes a file of each. */
    boolean written;
    /** Whether the query deletes files below this node before it reads them. */
    boolean overwritten;
    /** Whether the driver may take the rows of a limit that this is, or that is below it. */
    boolean limitAtRoot;
    /** Whether the user cached something below. */
    boolean aboveUsersCache;
    /** {@code no}, {@code user} or {@code ours}: who cached exactly this sub-plan, if anyone. */
    String cached = "no";
    /** What is kept of this sub-plan and stands for it in this query; null: nothing, or not all of the columns that the query asks for. */
    KeptPlan kept;
    /** Positions of the output columns that the query computes ({@link AskedColumns}). */
    BitSet asked = new BitSet();
    /** Whether the query computes all rows. */
    boolean whole;
    /** The hash of this sub-plan's result, as the host gets it. */
    String hash;
    /** The hash of its shape, by which a later run of the same job knows it again; null where none learns. */
    String shape;

    Node(LogicalPlan plan) {
      this.plan = plan;
    }

    String whyNot() {
      return reason != null ? reason : correlated ? Cacheability.CORRELATED : whole ? null : Cacheability.PARTLY_READ;
    }

    /** The files of every relation below, in the order of the plan. */
    List<SourceIdentity.Listing> allFiles() {
      List<SourceIdentity.Listing> found = new ArrayList<>();
      collect(found);
      return found;
    }

    private void collect(List<SourceIdentity.Listing> found) {
      if (files != null) {
        found.add(files);
      }
      for (Node child : children) {
        child.collect(found);
      }
    }
  }

  /** Every node in pre-order, root first. */
  final List<Node> nodes = new ArrayList<>();
  final long confDigest;

  private final SourceIdentity identity;
  /** Null only for {@link #leavesOf}. */
  private final Welcome welcome;
  private final long nowMs = System.currentTimeMillis();
  private final PlanHash hashes = new PlanHash(this);
  private final PlanHash shapes = PlanHash.ofShapes();
  /** The node whose expressions are being walked. */
  private Node holder;

  private PlanFacts(SourceIdentity identity, Welcome welcome, long confDigest) {
    this.identity = identity;
    this.welcome = welcome;
    this.confDigest = confDigest;
  }

  /** @param adaptive whether Spark plans it with adaptive execution, which decides the number of partitions by itself */
  static PlanFacts of(LogicalPlan plan, SourceIdentity identity, Welcome welcome, long confDigest, boolean adaptive) {
    PlanFacts facts = new PlanFacts(identity, welcome, confDigest);
    facts.visit(plan);
    facts.refuseBelowFileNames();
    facts.refuseOverwritten();
    facts.refuseLimitAtRoot();
    facts.refuseWhatIsTiedToPartitions(adaptive);
    return facts;
  }

  /** Checks the files of this question. */
  SourceIdentity.Look look() {
    return new SourceIdentity.Look(welcome.listFolderFrom());
  }

  /** A file that changed later may change once more without another time on it; Unix milliseconds. */
  long settledAtMs() {
    return nowMs - welcome.settledMs();
  }

  Node root() {
    return nodes.get(0);
  }

  /** Refuses every sub-plan that is not refused yet. */
  void refuseAll(String reason) {
    for (Node node : nodes) {
      node.reason = node.reason == null ? reason : node.reason;
    }
  }

  /** Refuses all of a plan that a command makes while it runs: nobody knows what it is for. */
  void refuseUnknown() {
    for (Node node : nodes) {
      node.partitionsSeenFromAbove = true;
    }
    refuseAll(Cacheability.TIED_TO_PARTITIONS);
  }

  /** {@code input_file_name()} returns an empty text above a cached plan, so no plan below it may be cached by us. */
  private void refuseBelowFileNames() {
    for (Node node : nodes) { // parents come first
      if (node.filesSeenFromAbove) {
        for (Node child : node.children) {
          child.filesSeenFromAbove = true;
          if (child.reason == null) {
            child.reason = Cacheability.READS_CONTEXT;
          }
        }
      }
    }
  }

  /**
   * A sample, a seeded {@code rand} and the like draw or number rows by partition, and a write makes a file of each. Below them everything stays
   * as it would be; with adaptive execution no further down than to the last operator that is sure to shuffle what it writes.
   */
  private void refuseWhatIsTiedToPartitions(boolean adaptive) {
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.get(i);
      node.shuffled = node.plan instanceof Join || Cacheability.shuffles(node.plan, false);
      for (Node child : node.children) {
        node.shuffled |= child.shuffled;
        node.shuffledBelow |= child.shuffled;
      }
    }
    for (Node node : nodes) { // parents come first
      boolean drawn = node.byPartition || node.plan instanceof Sample || node.partitionsSeenFromAbove && !node.written;
      boolean written = Cacheability.writes(node.plan) || node.written && !(adaptive && Cacheability.shuffles(node.plan, node.shuffledBelow));
      if (drawn || written) {
        for (Node child : node.children) {
          child.partitionsSeenFromAbove = true;
          child.written = !drawn;
          child.reason = child.reason == null ? Cacheability.TIED_TO_PARTITIONS : child.reason;
        }
      }
    }
  }

  /**
   * A query that overwrites the folder that it reads fails in Spark, which deletes the files first. With a cached plan it would seem to
   * work, and would lose data whenever the cache did not have every partition.
   */
  private void refuseOverwritten() {
    for (Node writer : List.copyOf(nodes)) {
      String folder = Cacheability.overwrites(writer.plan);
      if (folder != null) {
        refuse(writer, folder + Path.SEPARATOR);
      }
    }
  }

  /**
   * Of a limit at the root the driver takes the rows without a shuffle. Kept, it would have one, and an object that is asked again after its
   * files were replaced would read what was shuffled before, where plain Spark reads the files. What the optimizer may take away above a limit
   * (views, projections, a sort or a distinct of one row) puts it at the root, so that all between counts. What is below may be kept. Of other
   * limits see {@link Cacheability#ofNode}.
   */
  private void refuseLimitAtRoot() {
    List<Node> chain = new ArrayList<>();
    int limited = 0;
    for (Node node = root(); ; node = node.children.get(0)) {
      chain.add(node);
      limited = Cacheability.limits(node.plan) ? chain.size() : limited;
      if (node.plan.children().size() != 1) {
        break;
      }
    }
    for (Node node : chain.subList(0, limited)) {
      node.limitAtRoot = true;
      node.reason = node.reason == null ? Cacheability.LIMIT : node.reason;
    }
  }

  private static boolean refuse(Node node, String below) {
    boolean found = node.files != null && node.files.files().stream().anyMatch(file -> file.path().startsWith(below));
    for (Node child : node.children) {
      found |= refuse(child, below);
    }
    if (found) {
      node.overwritten = true;
      node.reason = node.reason == null ? Cacheability.OVERWRITTEN : node.reason;
    }
    return found;
  }

  /**
   * A plan above one that the user cached does not depend on its files alone: if we cached it, it would still return the user's snapshot
   * after the user's unpersist. What was kept of it before is not read either: the user's own would not be filled.
   */
  void refuseAboveUsersCache() {
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.get(i);
      boolean above = false;
      for (Node child : node.children) {
        above |= child.cached.equals("user") || child.aboveUsersCache;
      }
      if (above && !node.cached.equals("user")) {
        node.aboveUsersCache = true;
        node.reason = node.reason == null ? Cacheability.ABOVE_USER_CACHE : node.reason;
        node.cached = "no";
        node.kept = null;
      }
    }
  }

  private Node visit(LogicalPlan plan) {
    Node node = new Node(plan);
    nodes.add(node);
    node.reason = Cacheability.ofNode(plan);
    node.byPartition = Cacheability.givesPartitions(plan);
    for (Iterator<LogicalPlan> it = plan.children().iterator(); it.hasNext(); ) {
      adopt(node, visit(it.next()), true);
    }
    if (plan.children().isEmpty()) {
      leaf(node);
    }
    Node outer = holder;
    holder = node;
    long planHash = hashes.of(plan);
    holder = outer;
    if (node.reason == null && !plan.deterministic()) {
      node.reason = Cacheability.READS_CONTEXT; // checked last, because the reasons above are more exact
    }
    node.hash = HexFormat.of().toHexDigits(
        Mix.with(Mix.with(Mix.with(planHash, node.size), node.sources), confDigest));
    if (welcome != null && welcome.wantsShapes()) {
      node.shape = HexFormat.of().toHexDigits(shapes.of(plan));
    }
    return node;
  }

  private void adopt(Node node, Node child, boolean inPlan) {
    node.children.add(child);
    node.size += child.size;
    node.sources = Mix.with(node.sources, child.sources);
    node.leaves += child.leaves;
    if (node.reason == null) {
      node.reason = child.reason;
    }
    // outer columns of a subquery come from the node that contains it, which is therefore not correlated
    node.correlated |= inPlan && child.correlated;
  }

  @Override
  public void expression(Expression expression) {
    if (Cacheability.refersToOuter(expression)) {
      holder.correlated = true;
    } else if (Cacheability.readsCurrentFile(expression)) {
      holder.filesSeenFromAbove = true;
    }
    holder.byPartition |= Cacheability.isByPartition(expression);
    if (holder.reason == null) {
      holder.reason = Cacheability.ofExpression(expression);
    }
  }

  @Override
  public void subquery(LogicalPlan plan) {
    adopt(holder, visit(plan), false);
  }

  private void leaf(Node node) {
    node.leaves = Mix.of(node.plan.getClass().getName());
    InMemoryFileIndex index = Cacheability.files(node.plan);
    if (index == null) {
      return;
    }
    // as a set, since Spark compares root paths as a set
    node.leaves = Mix.with(node.leaves, SparkInternals.list(index.rootPaths()).stream().distinct().mapToLong(Path::hashCode).sum());
    SourceIdentity.Listing listing = identity.of(index);
    node.files = listing;
    node.sources = Mix.with(node.sources, listing.digest());
    if (node.reason == null && welcome != null) {
      if (listing.files().size() > welcome.filesAtMost()) {
        node.reason = Cacheability.TOO_MANY_FILES;
      } else if (listing.newestMs() > settledAtMs()) {
        node.reason = Cacheability.JUST_WRITTEN;
      }
    }
  }

  /** {@link Node#leaves} of any plan. Plans with different values are never the same to Spark, which makes a cheap first test. */
  static long leavesOf(LogicalPlan plan) {
    PlanFacts facts = new PlanFacts(new SourceIdentity(), null, 0);
    return facts.visit(plan).leaves;
  }
}
