package io.sparkwright.spark;

/** Shortens Spark's event JSON. */
final class EventText {
  private static final String KEY = "\"Accumulables\":[";
  private static final String TASK_END = "{\"Event\":\"SparkListenerTaskEnd\"";

  private EventText() {}

  /** Removes the accumulators from a task-end event: a third of the line, and no policy reads them. Other events are unchanged. */
  static String withoutAccumulables(String json) {
    if (!json.startsWith(TASK_END)) {
      return json;
    }
    int start = json.indexOf(KEY);
    if (start < 0) {
      return json;
    }
    int end = endOfArray(json, start + KEY.length());
    if (end < 0) {
      return json;
    }
    if (json.charAt(start - 1) == ',') {
      start--;
    } else if (end < json.length() && json.charAt(end) == ',') {
      end++;
    }
    return json.substring(0, start) + json.substring(end);
  }

  /** The position after the bracket that closes the array whose first item is at {@code from}; -1 when there is none. */
  private static int endOfArray(String json, int from) {
    int depth = 1;
    boolean quoted = false;
    for (int i = from; i < json.length(); i++) {
      char c = json.charAt(i);
      if (quoted) {
        if (c == '\\') {
          i++;
        } else if (c == '"') {
          quoted = false;
        }
      } else if (c == '"') {
        quoted = true;
      } else if (c == '[') {
        depth++;
      } else if (c == ']' && --depth == 0) {
        return i + 1;
      }
    }
    return -1;
  }
}
