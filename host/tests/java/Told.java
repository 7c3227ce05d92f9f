import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.TreeMap;

/** What {@link Properties} makes of each file that is named: a line for it with its keys and values in hexadecimal, or {@code refused}. */
final class Told {
  private Told() {}

  public static void main(String[] files) throws IOException {
    for (String file : files) {
      Properties properties = new Properties();
      // As Spark's Utils.getPropertiesFromFile.
      try (InputStreamReader in = new InputStreamReader(Files.newInputStream(Path.of(file)), StandardCharsets.UTF_8)) {
        properties.load(in);
      } catch (IllegalArgumentException e) {
        System.out.println("refused");
        continue;
      }
      StringBuilder line = new StringBuilder();
      TreeMap<String, String> sorted = new TreeMap<>();
      properties.stringPropertyNames().forEach(key -> sorted.put(hex(key), hex(properties.getProperty(key))));
      sorted.forEach((key, value) -> line.append(key).append('=').append(value).append(' '));
      System.out.println(line);
    }
  }

  private static String hex(String text) {
    StringBuilder hex = new StringBuilder();
    for (byte unit : text.getBytes(StandardCharsets.UTF_8)) {
      hex.append(String.format("%02x", unit));
    }
    return hex.toString();
  }
}
