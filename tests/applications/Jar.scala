import org.apache.spark.sql.{Row, SparkSession}
import org.apache.spark.sql.expressions.Aggregator
import org.apache.spark.sql.functions._
import org.apache.spark.sql.{Encoder, Encoders}

case class Fact(id: Long, key: Long, amount: Long)

/** An aggregate of the user's own. */
object Spread extends Aggregator[Long, (Long, Long), Long] {
  def zero: (Long, Long) = (Long.MaxValue, Long.MinValue)
  def reduce(b: (Long, Long), a: Long): (Long, Long) = (math.min(b._1, a), math.max(b._2, a))
  def merge(a: (Long, Long), b: (Long, Long)): (Long, Long) = (math.min(a._1, b._1), math.max(a._2, b._2))
  def finish(r: (Long, Long)): Long = r._2 - r._1
  def bufferEncoder: Encoder[(Long, Long)] = Encoders.tuple(Encoders.scalaLong, Encoders.scalaLong)
  def outputEncoder: Encoder[Long] = Encoders.scalaLong
}

/** A Scala application in a jar: typed datasets, an aggregate and functions of its own, a failure that it does not catch. */
object Jar {
  def main(arguments: Array[String]): Unit = {
    val spark = SparkSession.builder().appName("jar").getOrCreate()
    import spark.implicits._
    val folder = arguments(0)
    spark.range(0, 200000).select($"id", ($"id" % 400).as("key"), ($"id" * 7919 % 1000003).as("amount")).write.mode("overwrite").parquet(folder + "/facts")
    val facts = spark.read.parquet(folder + "/facts").as[Fact]
    val spread = udaf(Spread, Encoders.scalaLong)
    val odd = udf((amount: Long) => amount % 2 == 1)
    for (_ <- 1 to 3) {
      println("spread: " + facts.groupBy($"key" % 7).agg(spread($"amount")).collect().map(_.toString).sorted.mkString(" "))
      println("odd: " + facts.filter(odd($"amount")).groupBy($"key" % 5).count().collect().map(_.toString).sorted.mkString(" "))
      println("typed: " + facts.groupByKey(_.key % 3).mapGroups((key, rows) => (key, rows.map(_.amount).sum)).collect().sorted.mkString(" "))
    }
    println("reduced: " + facts.rdd.map(it => (it.key % 4, it.amount)).reduceByKey(_ + _).collect().sorted.mkString(" "))
    println("settings: " + spark.conf.get("spark.sql.shuffle.partitions") + " " + spark.sparkContext.getConf.getOption("spark.sql.shuffle.partitions"))
    facts.filter(odd($"amount")).map(it => 1L / (it.amount - it.amount)).collect()
  }
}
