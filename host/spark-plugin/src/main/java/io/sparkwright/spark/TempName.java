package io.sparkwright.spark;

import java.util.regex.Pattern;

/**
 * Checks names of temp tables and views. Only letters, digits and underscores are accepted, so that a name can't change the meaning of a
 * SQL text, a catalog identifier or a path.
 */
final class TempName {
  private static final Pattern TABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,199}");
  private static final Pattern PREFIX = Pattern.compile("[A-Za-z0-9_]{0,100}");
  private static final Pattern SESSION = Pattern.compile("[A-Za-z0-9]{8,64}");

  private TempName() {}

  /** Returns {@code name} unchanged if a table may have it. */
  static String table(String name) {
    return matching(TABLE, name, "a temp table's name", "a letter or underscore, then at most 199 letters, digits or underscores");
  }

  /** Checks the prefix before the session id in the names of a session's tables. */
  static String prefix(String prefix) {
    return matching(PREFIX, prefix, "a prefix of temp tables", "at most 100 letters, digits or underscores");
  }

  static String session(String session) {
    return matching(SESSION, session, "a session id", "8 to 64 letters or digits");
  }

  /** Quoted for Spark's parser; backticks in the name are escaped. */
  static String quoted(String part) {
    return "`" + part.replace("`", "``") + "`";
  }

  private static String matching(Pattern allowed, String found, String what, String wanted) {
    if (found == null || !allowed.matcher(found).matches()) {
      throw new IllegalArgumentException(
          "`" + found + "` can't be " + what + ": wanted " + wanted);
    }
    return found;
  }
}
