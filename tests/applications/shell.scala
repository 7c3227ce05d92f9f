// What spark-shell runs: several inputs, each compiled by itself, the last of them the user's own end with code 5.
import org.apache.spark.sql.functions._
val folder = spark.conf.get("spark.application.folder")
spark.range(0, 200000).select($"id", ($"id" % 400).as("key"), ($"id" * 7919 % 1000003).as("amount")).write.mode("overwrite").parquet(folder + "/facts")
val facts = spark.read.parquet(folder + "/facts")
def sums = facts.groupBy(($"key" % 7).as("g")).agg(sum("amount").as("amount")).as[(Long, Long)].collect().sorted
sums.foreach(it => println(s"sum: $it"))
sums.foreach(it => println(s"again: $it"))
println("typed: " + facts.as[(Long, Long, Long)].filter(_._2 < 10).map(it => it._3 % 11).groupByKey(identity).count().collect().sortBy(_._1).mkString(" "))
println("partitions: " + spark.conf.get("spark.sql.shuffle.partitions") + " " + facts.repartition($"key").rdd.getNumPartitions)
println("stored: " + sc.getPersistentRDDs.values.count(it => !s"${it.name}".startsWith("In-memory table sparkwright-")))
sys.exit(5)
