"""Stages and configs that are declared wrongly: everything is checked before anything runs, and messages say what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from sparkwright import PipelineOptimizer, create_pipeline_optimizer, errors

CALLED: list[str] = []


def run(*_: Any) -> None:
    CALLED.append("run")


@pytest.fixture(scope="module")
def optimizer(spark: SparkSession) -> Iterator[PipelineOptimizer]:
    made = create_pipeline_optimizer(spark)
    yield made
    made.cleanup()


@pytest.mark.parametrize(
    ("stage", "key", "allowed"),
    [
        ({"type": "etl", "run": run}, "name", "a text"),
        ({"name": "s", "type": "training", "run": run}, "type", "model_training"),
        ({"name": "s", "type": "etl"}, "data", "a DataFrame"),
        ({"name": "s", "type": "etl", "data": "nobody", "run": run}, "data", "the name of an earlier stage"),
        ({"name": "s", "type": "etl", "data": 7, "run": run}, "data", "a DataFrame"),
        ({"name": "s", "type": "etl", "run": "not callable"}, "run", "a callable"),
        ({"name": "s", "type": "etl", "sql": 1}, "sql", "the text of a query"),
        ({"name": "s", "type": "etl", "run": run, "uses": 0}, "uses", "a whole number from 1"),
        ({"name": "s", "type": "etl", "run": run, "uses": ["nobody"]}, "uses", "an earlier stage"),
        ({"name": "s", "type": "etl", "run": run, "keys": {"hash": ["k"]}}, "keys", "equi_join"),
        ({"name": "s", "type": "etl", "run": run, "keys": [1]}, "keys", "names of columns"),
        ({"name": "s", "type": "etl", "run": run, "colour": "red"}, "colour", "keys"),
        ({"name": "first", "type": "etl", "run": run}, "name", "no other stage"),
        (("s", "etl"), "(tuple)", "(name, type, data)"),
        ("s", "(stage)", "a dict"),
    ],
)
def test_a_wrong_stage_is_refused_before_anything_runs(optimizer: PipelineOptimizer, stage: Any, key: str, allowed: str) -> None:
    CALLED.clear()
    with pytest.raises(errors.StageError) as caught:
        optimizer.execute_optimized_pipeline([{"name": "first", "type": "general", "run": run}, stage])
    assert caught.value.key == key and allowed in caught.value.allowed
    assert caught.value.found in str(caught.value) and isinstance(caught.value, ValueError)
    assert not CALLED


@pytest.mark.parametrize(("options", "key"), [({"optimization_target": "cheap"}, "optimization_target"), ({"on_error": "ignore"}, "on_error")])
def test_wrong_options_are_refused(optimizer: PipelineOptimizer, options: dict[str, Any], key: str) -> None:
    with pytest.raises(errors.StageError) as caught:
        optimizer.execute_optimized_pipeline([{"name": "first", "type": "general", "run": run}], **options)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("config", "key", "found", "allowed"),
    [
        ({"optimization_target": "sped"}, "optimization_target", "sped", "balanced"),
        ({"autoscaling": {"max_executors": "many"}}, "autoscaling.max_executors", "many", "whole number"),
        ({"autoscaling": {"max_executors": 0}}, "autoscaling.max_executors", "0", "1"),
        ({"autoscaling": {"max_executers": 4}}, "autoscaling.max_executers", "max_executers", ""),
        ({"temp_tables": {"enable_caching": 1}}, "temp_tables.enable_caching", "1", "true"),
        ({"autoscaling": {"min_executors": 9, "max_executors": 3}}, "autoscaling.m", "9", ""),
    ],
)
def test_a_wrong_config_says_key_found_and_allowed(spark: SparkSession, config: dict[str, Any], key: str, found: str, allowed: str) -> None:
    with pytest.raises(errors.PolicyError) as caught:
        create_pipeline_optimizer(spark, config)
    error = caught.value
    assert isinstance(error, ValueError) and key in error.key
    assert found in str(error) and allowed in error.allowed + str(error)


def test_a_wrong_policy_file_or_environment_is_refused(spark: SparkSession, tmp_path: Any) -> None:
    policy = tmp_path / "config.yaml"
    policy.write_text("environments:\n  ours:\n    optimization:\n      pipeline:\n        optimization_target: speed\ndefault_environment: ours\n")
    optimizer = create_pipeline_optimizer(spark, policy=policy)
    assert optimizer.config["optimization_target"] == "speed" and optimizer.config["environment"] == "ours"
    optimizer.cleanup()
    with pytest.raises(errors.PolicyError, match="theirs"):
        create_pipeline_optimizer(spark, environment="theirs", policy=policy)
    with pytest.raises(errors.PolicyError, match="nowhere"):
        create_pipeline_optimizer(spark, policy=tmp_path / "nowhere.yaml")


def test_the_config_says_what_holds_and_can_not_be_changed(spark: SparkSession) -> None:
    optimizer = create_pipeline_optimizer(spark, {"pipeline": {"optimization_target": "memory"}, "max_executors": 9})
    config = optimizer.config
    assert config["pipeline"]["optimization_target"] == config["optimization_target"] == "memory"
    assert config["autoscaling"]["max_executors"] == config["max_executors"] == 9
    assert config["enable_autoscaling"] is True and "auto_cleanup" not in config and config["temp_tables"]["auto_cleanup"] is True
    assert config["autoscaling"]["guards"]["tick_seconds"] == 1.0
    for section in (config, config["pipeline"]):
        with pytest.raises(TypeError, match="create_pipeline_optimizer"):
            section["optimization_target"] = "speed"
        with pytest.raises(TypeError, match="create_pipeline_optimizer"):
            section.update(optimization_target="speed")
    optimizer.cleanup()


def test_an_optimizer_that_was_cleaned_up_runs_nothing(spark: SparkSession, rows: DataFrame) -> None:
    with create_pipeline_optimizer(spark) as optimizer:
        pass
    optimizer.cleanup()
    with pytest.raises(RuntimeError, match="make another one"):
        optimizer.execute_optimized_pipeline([("load", "data_loading", rows)])
