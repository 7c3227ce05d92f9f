package io.sparkwright.spark;

import com.fasterxml.jackson.databind.node.ArrayNode;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.catalog.HiveTableRelation;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.PlanExpression;
import org.apache.spark.sql.catalyst.plans.logical.Command;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Range;
import org.apache.spark.sql.execution.LogicalRDD;
import org.apache.spark.sql.execution.datasources.HadoopFsRelation;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation;
import scala.Option;

/** The sources of a query: the leaves of its analysed plan, those of subqueries included. */
final class QueryLeaves {
  private QueryLeaves() {}

  /** In the plan's order. Each source is a text that is the same for the same source in another DataFrame. */
  static ArrayNode of(Dataset<Row> query) {
    List<String> found = new ArrayList<>();
    collect(Compat.execution(query).analyzed(), found);
    ArrayNode told = Messages.array();
    found.forEach(told::add);
    return told;
  }

  private static void collect(LogicalPlan plan, List<String> found) {
    List<LogicalPlan> children = SparkInternals.list(plan.children());
    if (children.isEmpty()) {
      found.add(text(plan));
    }
    children.forEach(child -> collect(child, found));
    if (plan instanceof Command) {
      for (var inner : SparkInternals.list(plan.innerChildren())) {
        if (inner instanceof LogicalPlan query && !children.contains(query)) {
          collect(query, found);
        }
      }
    }
    SparkInternals.list(plan.expressions()).forEach(expression -> collect(expression, found));
  }

  private static void collect(Expression expression, List<String> found) {
    if (expression instanceof PlanExpression<?> subquery && subquery.plan() instanceof LogicalPlan plan) {
      collect(plan, found);
    }
    SparkInternals.list(expression.children()).forEach(child -> collect(child, found));
  }

  private static String text(LogicalPlan leaf) {
    String name = leaf.getClass().getSimpleName();
    if (leaf instanceof LogicalRelation relation) {
      return name + " " + relation(relation);
    } else if (leaf instanceof HiveTableRelation relation) {
      return name + " " + relation.tableMeta().identifier().quotedString();
    } else if (leaf instanceof DataSourceV2Relation relation) {
      return name + " " + relation.name();
    } else if (leaf instanceof LogicalRDD rdd) {
      return name + " " + rdd.rdd().id();
    } else if (leaf instanceof LocalRelation local) {
      return name + " " + System.identityHashCode(local.data());
    } else if (leaf instanceof Range range) {
      return name + " " + range.start() + " " + range.end() + " " + range.step();
    }
    return name;
  }

  private static String relation(LogicalRelation relation) {
    Option<CatalogTable> table = relation.catalogTable();
    if (table.isDefined()) {
      return table.get().identifier().quotedString();
    }
    return relation.relation() instanceof HadoopFsRelation files
        ? SparkInternals.list(files.location().rootPaths()).stream().map(Path::toString).sorted().collect(Collectors.joining(" "))
        : Integer.toString(System.identityHashCode(relation.relation()));
  }
}
