package io.sparkwright.spark;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.optimizer.EliminateResolvedHint$;
import org.apache.spark.sql.catalyst.plans.logical.HintInfo;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.ResolvedHint;
import org.apache.spark.sql.execution.columnar.InMemoryRelation;

/**
 * A sub-plan that we keep: those of its columns that queries asked for, stored as Spark stores a cached plan. Spark's own cache does not know
 * of it, so no query reads it that our rule did not put it into.
 *
 * @param id the hash of the sub-plan
 * @param plan the sub-plan, as the query had it that had it kept
 * @param leaves the hash of its leaves, {@link PlanFacts.Node#leaves}
 * @param columns positions of the columns that are kept, in the plan's output
 * @param relation what is kept, with these columns in this order
 * @param level the name of its storage level
 * @param files the files that it was computed from
 * @param versions of each listing's files, from before it was computed
 * @param confDigest of the settings under which it was computed
 * @param stored its blocks, once all are there: asked for them, a builder that was cleared makes an RDD anew
 */
record KeptPlan(
    String id,
    LogicalPlan plan,
    long leaves,
    BitSet columns,
    InMemoryRelation relation,
    String level,
    List<SourceIdentity.Listing> files,
    List<List<FileVersion>> versions,
    long confDigest,
    AtomicReference<RDD<?>> stored) {

  /** Whether these columns of the sub-plan are among those that are kept. */
  boolean has(BitSet asked) {
    BitSet missing = (BitSet) asked.clone();
    missing.andNot(columns);
    return missing.isEmpty();
  }

  /** Stands for the same sub-plan in another query: its columns there, and its hints. */
  LogicalPlan insteadOf(LogicalPlan same) {
    List<Attribute> kept = kept(same, columns);
    LogicalPlan read = relation.withOutput(Compat.seq(kept));
    if (kept.size() < same.output().size()) {
      read = new Project(Compat.seq(NotKept.filledUp(same, columns)), read);
    }
    List<HintInfo> hints = SparkInternals.list(EliminateResolvedHint$.MODULE$.extractHintsFromPlan(same)._2());
    for (int i = hints.size() - 1; i >= 0; i--) {
      read = new ResolvedHint(read, hints.get(i));
    }
    return read;
  }

  /** The columns of a plan at these positions. */
  static List<Attribute> kept(LogicalPlan plan, BitSet columns) {
    List<Attribute> all = SparkInternals.list(plan.output());
    List<Attribute> kept = new ArrayList<>();
    columns.stream().forEach(position -> kept.add(all.get(position)));
    return kept;
  }

  /** Computes and stores all partitions. */
  void fill() {
    RDD<?> blocks = relation.cacheBuilder().cachedColumnBuffers();
    blocks.count();
    stored.set(blocks);
  }

  /** Frees the blocks. A query that still reads them computes anew what it needs. */
  void letGo() {
    relation.cacheBuilder().clearCache(false);
  }

  /** Whether somebody took the blocks away, as a program does that goes through the context's persisted RDDs. */
  boolean isGone() {
    RDD<?> blocks = stored.get();
    return blocks == null || !blocks.getStorageLevel().isValid();
  }
}
