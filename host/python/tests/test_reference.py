"""Code that users of the original have, with the import root changed and its AutoML class replaced by an MLlib pipeline: it runs on real Spark,
and prints what it says it prints."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession

from sparkwright import PipelineOptimizer

Run = Callable[[str], str]

QUICK_START = """
from pyspark.sql import SparkSession
from sparkwright.pipeline_optimizer import create_pipeline_optimizer

# Create Spark session
spark = SparkSession.builder.appName("AutoML Optimized").getOrCreate()

# Create pipeline optimizer
optimizer = create_pipeline_optimizer(spark)

# Define pipeline stages
pipeline_stages = [
    {'name': 'data_loading', 'type': 'data_loading', 'data': your_data},
    {'name': 'feature_selection', 'type': 'feature_selection', 'data': your_data},
    {'name': 'model_training', 'type': 'model_training', 'data': your_data}
]

# Execute optimized pipeline
results = optimizer.execute_optimized_pipeline(pipeline_stages, 'balanced')
"""

COMPONENTS = """
# Autoscaling only
from sparkwright.spark_autoscaling_manager import create_autoscaling_manager

autoscaling_manager = create_autoscaling_manager(spark)
scaling_results = autoscaling_manager.auto_scale_for_data(data, 'ml')

# Temp tables only
from sparkwright.temp_table_manager import create_temp_table_manager

temp_manager = create_temp_table_manager(spark)
table_name = temp_manager.create_temp_table(data, 'features', 'feature_selection', 'ml')
"""

OVERRIDE = """
# Override configuration at runtime
config = {
    'autoscaling': {
        'min_executors': 2,
        'max_executors': 15,
        'target_processing_time_minutes': 30
    },
    'temp_tables': {
        'enable_caching': True,
        'max_table_age_hours': 12
    },
    'pipeline': {
        'optimization_target': 'speed'  # speed, memory, balanced, quality
    }
}

optimizer = create_pipeline_optimizer(spark, config)
"""

EXAMPLE_1 = """
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import VectorAssembler
from sparkwright.pipeline_optimizer import create_pipeline_optimizer

# Create pipeline optimizer
optimizer = create_pipeline_optimizer(spark, {'optimization_target': 'quality'})

# Create AutoML classifier
automl = Pipeline(stages=[VectorAssembler(inputCols=['k', 'x'], outputCol='features'), LogisticRegression(labelCol='y', maxIter=3)])

# Define optimized pipeline stages
pipeline_stages = [
    {
        'name': 'data_loading',
        'type': 'data_loading',
        'data': train_data
    },
    {
        'name': 'preprocessing',
        'type': 'preprocessing',
        'data': train_data
    },
    {
        'name': 'feature_selection',
        'type': 'feature_selection',
        'data': train_data
    },
    {
        'name': 'model_training',
        'type': 'model_training',
        'data': train_data
    }
]

# Execute optimized pipeline
results = optimizer.execute_optimized_pipeline(pipeline_stages)

# Get optimization report
report = optimizer.get_optimization_report()
print(f"Pipeline completed in {results['total_execution_time']:.2f}s")
"""

EXAMPLE_2 = """
# Create optimizer with custom strategy
config = {
    'autoscaling': {
        'enable_autoscaling': True,
        'min_executors': 2,
        'max_executors': 20,
        'executor_scaling_factor': 0.15,  # More aggressive scaling
        'memory_scaling_factor': 2.5      # More memory allocation
    },
    'temp_tables': {
        'enable_caching': True,
        'cache_strategy': 'aggressive',
        'partition_strategy': 'hash'
    },
    'pipeline': {
        'optimization_target': 'speed',
        'stage_optimization': True,
        'memory_management': True
    }
}

optimizer = create_pipeline_optimizer(spark, config)

# Optimize individual stages
for stage_name, stage_type, data in pipeline_stages:
    stage_result = optimizer.optimize_pipeline_stage(
        stage_name=stage_name,
        data=data,
        stage_type=stage_type,
        optimization_target='speed'
    )

    print(f"Stage {stage_name} optimized in {stage_result['execution_time']:.2f}s")
"""

EXAMPLE_3 = """
# Monitor performance throughout pipeline execution
optimizer = create_pipeline_optimizer(spark)

# Execute pipeline
results = optimizer.execute_optimized_pipeline(pipeline_stages)

# Get comprehensive performance analysis
report = optimizer.get_optimization_report()

print("Performance Analysis:")
print(f"  Total execution time: {report['performance_report']['total_execution_time']:.2f}s")
print(f"  Average stage time: {report['performance_report']['average_stage_time']:.2f}s")
print(f"  Performance trend: {report['performance_report']['performance_trend']}")

# Check for bottlenecks
bottlenecks = report['performance_report']['bottlenecks']
if bottlenecks:
    print("Bottlenecks detected:")
    for bottleneck in bottlenecks:
        print(f"  • {bottleneck}")

# Get optimization recommendations
recommendations = report['recommendations']
if recommendations:
    print("Optimization recommendations:")
    for rec in recommendations:
        print(f"  • {rec}")
"""

TROUBLE_AUTOSCALING = """
# Check if autoscaling is enabled
config = optimizer.config
print(f"Autoscaling enabled: {config['enable_autoscaling']}")

# Verify Spark configuration
spark.conf.get('spark.executor.instances')
spark.conf.get('spark.driver.memory')
"""

TROUBLE_TABLES = """
# Check temp table configuration
temp_config = optimizer.config['temp_tables']
print(f"Temp tables enabled: {temp_config['enable_temp_tables']}")

# Verify table creation
table_info = optimizer.temp_table_manager.get_table_info()
print(f"Total tables: {table_info['total_tables']}")
"""

TROUBLE_PERFORMANCE = """
# Check optimization target
target = optimizer.config['pipeline']['optimization_target']
print(f"Optimization target: {target}")

# Verify stage optimization
for stage in optimizer.pipeline_stages:
    print(f"Stage {stage['name']}: {stage.get('success', False)}")
"""

DEBUG_MODE = """
import logging
logging.basicConfig(level=logging.DEBUG)

# Create optimizer with debug info
optimizer = create_pipeline_optimizer(spark, {'monitoring': {'track_performance': True}})
"""

PROFILING = """
# Get detailed performance metrics
report = optimizer.get_optimization_report()

# Analyze scaling operations
scaling_summary = report['autoscaling_report']
print(f"Scaling operations: {scaling_summary['total_scaling_operations']}")

# Analyze temp table performance
temp_summary = report['temp_table_report']
print(f"Storage efficiency: {temp_summary['storage_efficiency']:.2%}")
"""

STAGES = ("data_loading", "preprocessing", "feature_selection", "model_training")


@pytest.fixture
def names(spark: SparkSession, rows: DataFrame) -> Iterator[dict[str, Any]]:
    """The names that a user's program has; what it makes is cleaned up."""
    from sparkwright.pipeline_optimizer import create_pipeline_optimizer

    known: dict[str, Any] = {
        "spark": spark, "your_data": rows, "data": rows, "train_data": rows, "create_pipeline_optimizer": create_pipeline_optimizer,
    }  # fmt: skip
    yield known
    for name in ("optimizer", "autoscaling_manager", "temp_manager"):
        if name in known:
            known[name].cleanup()


@pytest.fixture
def run(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a block and gives what it prints."""

    def block(text: str) -> str:
        capsys.readouterr()
        exec(compile(text, "a user's program", "exec"), names)
        return capsys.readouterr().out

    return block


def counts_by_key(data: DataFrame) -> list[Any]:
    # Nearly all of the pipeline's time, whatever else the machine does.
    time.sleep(5.0)
    return data.groupBy("k").count().collect()


def seconds(printed: str, pattern: str) -> float:
    found = re.search(pattern, printed)
    assert found is not None, printed
    return float(found[1])


def test_quick_start(run: Run, names: dict[str, Any], spark: SparkSession) -> None:
    run(QUICK_START)
    assert names["spark"].sparkContext.applicationId == spark.sparkContext.applicationId
    results = names["results"]
    assert results["success"] and results["optimization_target"] == "balanced"
    assert [stage["stage_name"] for stage in results["stages"]] == ["data_loading", "feature_selection", "model_training"]
    # One DataFrame is kept once, whoever reads it.
    first, *others = [stage["temp_table_results"] for stage in results["stages"]]
    assert first["kept"] and all(other["reused"] and other["name"] == first["name"] for other in others)


def test_individual_components(run: Run, names: dict[str, Any], spark: SparkSession) -> None:
    run(COMPONENTS)
    scaling = names["scaling_results"]
    assert scaling["success"] and scaling["optimal_config"]["executors"] >= 1
    assert scaling["data_analysis"]["row_count"] == 50_000 and scaling["data_analysis"]["column_count"] == 4
    assert names["autoscaling_manager"].get_scaling_summary()["total_scaling_operations"] == 1
    assert spark.table(names["table_name"]).count() == 50_000


def test_runtime_override(run: Run, names: dict[str, Any]) -> None:
    run(OVERRIDE)
    config = names["optimizer"].config
    assert (config["min_executors"], config["max_executors"], config["target_processing_time_minutes"]) == (2, 15, 30)
    assert (config["enable_caching"], config["max_table_age_hours"], config["optimization_target"]) == (True, 12, "speed")
    # What a partial config leaves out is not switched off.
    assert config["enable_autoscaling"] and config["enable_temp_tables"]


def test_example_1(run: Run, names: dict[str, Any]) -> None:
    printed = run(EXAMPLE_1)
    assert re.fullmatch(r"Pipeline completed in \d+\.\d\ds\n", printed)
    assert seconds(printed, r"in ([\d.]+)s") == pytest.approx(names["results"]["total_execution_time"], abs=0.01)
    assert names["results"]["optimization_target"] == "quality"
    assert {stage["optimization_target"] for stage in names["results"]["stages"]} == {"quality"}
    assert names["automl"].fit(names["train_data"]).transform(names["train_data"]).count() == 50_000


def test_example_1_with_the_training_in_it(names: dict[str, Any], rows: DataFrame, run: Run) -> None:
    automl: Any = Pipeline(stages=[VectorAssembler(inputCols=["k", "x"], outputCol="features"), LogisticRegression(labelCol="y", maxIter=3)])
    run("optimizer = create_pipeline_optimizer(spark, {'optimization_target': 'quality'})")
    optimizer: PipelineOptimizer = names["optimizer"]
    results = optimizer.execute_optimized_pipeline(
        [
            {"name": "load", "type": "data_loading", "data": rows},
            {"name": "train", "type": "model_training", "data": "load", "run": automl.fit},
            {"name": "predict", "type": "prediction", "data": ["load", "train"], "run": lambda data, model: model.transform(data)},
            {"name": "evaluate", "type": "evaluation", "data": "predict", "run": lambda data: data.where("prediction = y").count() / data.count()},
        ]
    )
    assert results["outputs"]["evaluate"] > 0.9
    assert results["stages"][1]["execution_time"] > 0.1


def test_example_2(run: Run, names: dict[str, Any], rows: DataFrame) -> None:
    names["pipeline_stages"] = [(name, name, rows) for name in STAGES]
    printed = run(EXAMPLE_2).splitlines()
    assert [re.sub(r"\d+\.\d\d", "T", line) for line in printed] == [f"Stage {name} optimized in Ts" for name in STAGES]
    assert names["optimizer"].config["cache_strategy"] == "aggressive"
    # The very same list is a pipeline too.
    assert names["optimizer"].execute_optimized_pipeline(names["pipeline_stages"])["success"]


def test_example_3_and_what_follows_it(run: Run, names: dict[str, Any], rows: DataFrame) -> None:
    names["pipeline_stages"] = [
        {"name": "data_loading", "type": "data_loading", "data": rows},
        {"name": "model_training", "type": "model_training", "data": rows, "run": counts_by_key},
    ]
    printed = run(EXAMPLE_3)
    lines = printed.splitlines()
    assert lines[0] == "Performance Analysis:"
    total, average = seconds(printed, r"  Total execution time: ([\d.]+)s"), seconds(printed, r"  Average stage time: ([\d.]+)s")
    assert total > 0 and average == pytest.approx(total / 2, abs=0.011)
    assert lines[3] == "  Performance trend: insufficient_data"
    # One of two stages took nearly all of the time.
    assert "Bottlenecks detected:" in lines and any(line.startswith("  • ") and "model_training" in line for line in lines)
    recommendations = names["report"]["recommendations"]
    assert ("Optimization recommendations:" in lines) == bool(recommendations)
    assert all(f"  • {text}" in lines for text in recommendations)

    assert run(TROUBLE_AUTOSCALING) == "Autoscaling enabled: True\n"
    tables = run(TROUBLE_TABLES).splitlines()
    assert tables[0] == "Temp tables enabled: True" and re.fullmatch(r"Total tables: \d+", tables[1])
    assert run(TROUBLE_PERFORMANCE) == "Optimization target: quality\nStage data_loading: True\nStage model_training: True\n"
    profile = run(PROFILING).splitlines()
    assert re.fullmatch(r"Scaling operations: [1-9]\d*", profile[0])
    assert re.fullmatch(r"Storage efficiency: \d+\.\d\d%", profile[1])


def test_debug_mode(run: Run, names: dict[str, Any], rows: DataFrame) -> None:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        run(DEBUG_MODE)
        assert names["optimizer"].config["track_performance"] is True
        assert names["optimizer"].execute_optimized_pipeline([("load", "data_loading", rows)])["success"]
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
