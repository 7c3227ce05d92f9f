package io.sparkwright.spark;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.analysis.UnresolvedGenerator;
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTVFAliases;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTableValuedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.plans.QueryPlan;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.UnresolvedWith;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataType;
import scala.Product;

/**
 * The relations, functions and node types that a SQL text names, from its syntax alone. Everything that a node holds is walked, also where
 * Spark does not count it as a child (definitions of WITH, windows, time travel, subqueries), so that nothing in the text is missed.
 */
final class SyntaxTree {
  private final Set<String> nodes = new TreeSet<>();
  private final Set<String> expressions = new TreeSet<>();
  private final List<List<String>> relations = new ArrayList<>();
  private final List<List<String>> functions = new ArrayList<>();
  private final List<List<String>> tableFunctions = new ArrayList<>();
  private final Set<String> definitions = new TreeSet<>();

  private SyntaxTree() {}

  /** The JSON of {@link Pipelines#relations}. */
  static ObjectNode of(String sql, SparkSession session) {
    SyntaxTree tree = new SyntaxTree();
    // Spark's parser reads the confs of the thread's active session, and a thread may have another one or none.
    tree.walk(SQLConf.withExistingConf(Compat.sqlConf(session), () -> parsed(sql, session)));
    ObjectNode told = Messages.object();
    tree.nodes.forEach(told.putArray("nodes")::add);
    tree.expressions.forEach(told.putArray("expressions")::add);
    parts(told.putArray("relations"), tree.relations);
    tree.definitions.forEach(told.putArray("ctes")::add);
    parts(told.putArray("functions"), tree.functions);
    parts(told.putArray("table_functions"), tree.tableFunctions);
    return told;
  }

  private static LogicalPlan parsed(String sql, SparkSession session) {
    try {
      return Compat.parser(session).parsePlan(sql);
    } catch (ParseException e) {
      throw new IllegalArgumentException("not a query that Spark can parse: " + e.getMessage(), e);
    }
  }

  private static void parts(ArrayNode into, List<List<String>> names) {
    for (List<String> name : names) {
      name.forEach(into.addArray()::add);
    }
  }

  /** Without recursion: even a text of a few KB may be nested too deep for the thread's stack. */
  private void walk(Object root) {
    Deque<Object> open = new ArrayDeque<>();
    Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    open.push(root);
    while (!open.isEmpty()) {
      Object one = open.pop();
      if (!seen.add(one)) {
        continue;
      }
      if (one instanceof TreeNode<?> node) {
        note(node);
        SparkInternals.list(node.children()).forEach(open::push);
        SparkInternals.list(node.innerChildren()).forEach(open::push);
      }
      if (one instanceof DataType) {
        continue; // a type names no data
      }
      if (one instanceof scala.collection.Iterable<?> items) {
        SparkInternals.list(items).forEach(item -> push(open, item));
      } else if (one instanceof Product product) {
        for (int i = 0; i < product.productArity(); i++) {
          push(open, product.productElement(i));
        }
      }
    }
  }

  private static void push(Deque<Object> open, Object item) {
    if (item instanceof TreeNode<?> || item instanceof Product || item instanceof scala.collection.Iterable<?>) {
      open.push(item);
    }
  }

  private void note(TreeNode<?> node) {
    String name = node.getClass().getSimpleName();
    if (node instanceof Expression) {
      expressions.add(name);
    } else if (node instanceof QueryPlan<?>) {
      nodes.add(name);
    }
    if (node instanceof UnresolvedRelation relation) {
      relations.add(SparkInternals.list(relation.multipartIdentifier()));
    } else if (node instanceof UnresolvedFunction function) {
      functions.add(SparkInternals.list(function.nameParts()));
    } else if (node instanceof UnresolvedGenerator generator) {
      functions.add(parts(generator.name()));
    } else if (node instanceof UnresolvedTableValuedFunction function) {
      tableFunctions.add(SparkInternals.list(function.name()));
    } else if (node instanceof UnresolvedTVFAliases function) {
      tableFunctions.add(SparkInternals.list(function.name()));
    } else if (node instanceof UnresolvedWith with) {
      // a tuple that starts with the name; it has two or three members, depending on Spark's version
      SparkInternals.list(with.cteRelations()).forEach(definition -> definitions.add((String) ((Product) definition).productElement(0)));
    }
  }

  private static List<String> parts(FunctionIdentifier name) {
    List<String> parts = new ArrayList<>();
    if (name.database().isDefined()) {
      parts.add(name.database().get());
    }
    parts.add(name.funcName());
    return parts;
  }
}
