"""Lists every configuration key of a real Spark, with the moment at which it can be set: `list_keys.py > 4.3.txt`.

submit    only before the application starts (Spark's core settings: the driver reads them once)
static    before the first session is made (static SQL settings)
session   at any time, for one session (`SET`, `spark.conf.set`)

One line a key: the key, the moment, the version that brought it (a dash where Spark does not say).
"""

from pyspark.sql import SparkSession


def main() -> None:
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    jvm = spark._jvm
    # Objects of Scala register their entries when they are first touched.
    for name in (
        "org.apache.spark.internal.config.package$",
        "org.apache.spark.internal.config.UI$",
        "org.apache.spark.internal.config.History$",
        "org.apache.spark.internal.config.Tests$",
        "org.apache.spark.internal.config.Streaming$",
        "org.apache.spark.internal.config.Python$",
        "org.apache.spark.internal.config.R$",
        "org.apache.spark.internal.config.Deploy$",
        "org.apache.spark.internal.config.Worker$",
        "org.apache.spark.internal.config.Kryo$",
        "org.apache.spark.internal.config.Network$",
        "org.apache.spark.internal.config.Status$",
        "org.apache.spark.sql.internal.SQLConf$",
        "org.apache.spark.sql.internal.StaticSQLConf$",
        "org.apache.spark.sql.hive.HiveUtils$",
        "org.apache.spark.deploy.k8s.Config$",
        "org.apache.spark.deploy.yarn.config.package$",
        "org.apache.spark.resource.ResourceProfile$",
    ):
        try:
            jvm.java.lang.Class.forName(name)
        except Exception:  # an edition of Spark without that module
            continue
    # The companion object of Scala's ConfigEntry holds them all.
    entries = getattr(getattr(jvm.org.apache.spark.internal.config, "ConfigEntry$"), "MODULE$")
    known = entries.knownConfigs()
    conf = spark.conf
    version = spark.version
    lines = []
    for key in list(known):
        entry = known[key]
        if not key.startswith("spark."):
            continue
        since = entry.version() or "-"
        if conf.isModifiable(key):
            when = "session"
        elif key.startswith("spark.sql."):
            when = "static"
        else:
            when = "submit"
        lines.append(f"{key} {when} {since}")
    spark.stop()
    print(f"# The configuration keys of Spark {version}, by list_keys.py: key, when it can be set, since which version.")
    print("\n".join(sorted(set(lines))))


if __name__ == "__main__":
    main()
