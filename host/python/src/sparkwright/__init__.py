"""One policy decides how PySpark jobs scale, partition and cache.

    import sparkwright
    from pyspark.sql import SparkSession

    spark = sparkwright.session(SparkSession.builder.appName("AutoML"), environment="production")
    optimizer = sparkwright.create_pipeline_optimizer(spark)
    results = optimizer.execute_optimized_pipeline([
        {"name": "prepare", "type": "preprocessing", "data": flights, "run": prepare},
        {"name": "train", "type": "model_training", "data": "prepare", "run": train},
    ])

Decisions come from a policy, which runs as WebAssembly in the `sparkwright` command; this package carries facts to it and carries out, through
a plugin in the Spark driver, what it decides.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from . import errors
from .pipeline_optimizer import PipelineOptimizer, StageDeclaration, create_pipeline_optimizer
from .session import session
from .spark_autoscaling_manager import SparkAutoscalingManager, create_autoscaling_manager
from .temp_table_manager import TempTableManager, create_temp_table_manager

try:
    __version__ = version("sparkwright")
except PackageNotFoundError:
    # Run from its sources, without an installation.
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
    "session",
]
