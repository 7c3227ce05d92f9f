"""Loads that batch jobs are made of; their tasks sleep, so that how long they take does not depend on the machine.

    spark-submit --master spark://… loads.py bursts|tail|short|batch
"""

import sys
import time

from pyspark.sql import SparkSession


def sleeping(context, tasks, seconds):
    """Runs a job of tasks that do nothing but sleep; `seconds` is a number, or what gives it for each task."""
    how_long = seconds if callable(seconds) else lambda _: seconds
    context.parallelize(range(tasks), tasks).foreach(lambda task: time.sleep(how_long(task)))


def bursts(context):
    """Four bursts, each after a pause of the driver."""
    for _ in range(4):
        sleeping(context, 80, 0.5)
        time.sleep(25)


def tail(context):
    """A wide stage with one straggler, and a tail of two tasks."""
    sleeping(context, 160, lambda task: 60 if task == 0 else 0.5)
    sleeping(context, 2, 90)


def short(context):
    """Many short jobs, as somebody at a notebook."""
    for _ in range(100):
        sleeping(context, 4, 0.2)
        time.sleep(0.3)


def batch(context):
    """Two big stages with the driver alone between."""
    sleeping(context, 200, 0.8)
    time.sleep(40)
    sleeping(context, 200, 0.8)


LOADS = {load.__name__: load for load in (bursts, tail, short, batch)}

if __name__ == "__main__":
    session = SparkSession.builder.appName(sys.argv[1]).getOrCreate()
    LOADS[sys.argv[1]](session.sparkContext)
    session.stop()
