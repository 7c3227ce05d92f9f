"""One policy decides how PySpark jobs scale, partition and cache.

    import sparkwright
    from pyspark.sql import SparkSession

    spark = sparkwright.session(SparkSession.builder.appName("AutoML"), environment="production")
    optimizer = sparkwright.create_pipeline_optimizer(spark)
    results = optimizer.execute_optimized_pipeline([
        {"name": "prepare", "type": "preprocessing", "data": flights, "run": prepare},
        {"name": "train", "type": "model_training", "data": "prepare", "run": train},
    ])

A policy decides; it runs as WebAssembly in the `sparkwright` command. This package sends it facts about data and stages, and carries out
its decisions through a plugin in the Spark driver.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from . import errors
from .fleet import fleet
from .pipeline_optimizer import PipelineOptimizer, StageDeclaration, create_pipeline_optimizer
from .session import session
from .spark_autoscaling_manager import SparkAutoscalingManager, create_autoscaling_manager
from .temp_table_manager import TempTableManager, create_temp_table_manager

try:
    __version__ = version("sparkwright")
except PackageNotFoundError:
    # The package runs from its sources, not installed.
    __version__ = "0"

__all__ = [
    "PipelineOptimizer",
    "SparkAutoscalingManager",
    "StageDeclaration",
    "TempTableManager",
    "__version__",
    "create_autoscaling_manager",
    "create_pipeline_optimizer",
    "create_temp_table_manager",
    "errors",
    "fleet",
    "session",
]
