"""What `pip install sparkwright` brings: the wheel as it is installed here, and its README as a newcomer reads it."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sparkwright

README = Path(__file__).parents[1] / "README.md"

ONLY_PYSPARK = """
import sys
# What pip brings with `pyspark` alone is py4j: whatever else this environment has is hidden from here on.
for name in ("numpy", "pandas", "pyarrow", "grpc", "grpc_status", "googleapis_common_protos", "psutil", "IPython", "pytest"):
    sys.modules[name] = None
"""


def command() -> str:
    """The `sparkwright` of this environment."""
    found = shutil.which("sparkwright", path=str(Path(sys.executable).parent))
    assert found is not None, f"no command `sparkwright` beside {sys.executable}: install the wheel (cargo xtask build --wheel)"
    return found


def told_by(*line: str, folder: Path | None = None, seconds: int = 300) -> str:
    """What a command prints; it must end with 0."""
    # The package has to find its command by itself.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPARKWRIGHT_")}
    # What runs taught this user is nothing to this test.
    environment["SPARKWRIGHT_STORE"] = "none"
    # As after `source bin/activate`.
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    ended = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    assert ended.returncode == 0, f"{line} ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def program(readme: str) -> str:
    """All Python of the README, from its top to its end: one program."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", readme, flags=re.DOTALL | re.MULTILINE))


def test_the_package_is_the_installed_one() -> None:
    package = Path(sparkwright.__file__).parent
    assert package.parent.name == "site-packages", f"{package} is not installed; what is tested here is the wheel"
    assert (package / "py.typed").is_file()


def test_one_version() -> None:
    version = importlib.metadata.version("sparkwright")
    assert sparkwright.__version__ == version
    assert told_by(command(), "--version").split() == ["sparkwright", version]


def test_it_requires_nothing_and_says_so() -> None:
    metadata = importlib.metadata.metadata("sparkwright")
    unconditional = [one for one in metadata.get_all("Requires-Dist", []) if "extra ==" not in one]
    assert unconditional == []
    assert sorted(metadata.get_all("Provides-Extra", [])) == ["connect", "pyspark"]
    assert metadata["License-Expression"] == "Apache-2.0"
    files = importlib.metadata.files("sparkwright") or []
    assert any(file.name == "LICENSE" for file in files)


def test_the_command_carries_what_it_needs(tmp_path: Path) -> None:
    assert "submit" in told_by(command(), "--help")
    plan = told_by(command(), "plan", "--environment", "production", "--input-bytes", "100GB", "--type", "etl", "--json", folder=tmp_path)
    assert '"executors"' in plan


@pytest.mark.parametrize("module", ["pipeline_optimizer", "spark_autoscaling_manager", "temp_table_manager"])
def test_modules_of_the_original(module: str) -> None:
    """Porting is a change of the import root."""
    create = {"pipeline_optimizer": "create_pipeline_optimizer", "spark_autoscaling_manager": "create_autoscaling_manager"}
    name = create.get(module, "create_temp_table_manager")
    told_by(sys.executable, "-c", f"{ONLY_PYSPARK}\nfrom sparkwright.{module} import {name}")


@pytest.mark.parametrize("start", ["python", "submit"])
def test_the_readme_from_top_to_end(start: str, tmp_path: Path) -> None:
    """In both ways of starting, with nothing but PySpark."""
    script = tmp_path / "readme.py"
    script.write_text(ONLY_PYSPARK + program(README.read_text(encoding="utf-8")), encoding="utf-8")
    line = [sys.executable] if start == "python" else [command(), "submit", "--master", "local[2]"]
    printed = told_by(*line, str(script), folder=tmp_path)
    assert re.search(r"^\d+ stages in \d+\.\d s$", printed, flags=re.MULTILINE), printed


def test_a_program_with_stages_runs_where_steering_is_off(tmp_path: Path) -> None:
    """`--mode off` is no reason to refuse it, though there is no plugin then."""
    script = tmp_path / "stages.py"
    script.write_text(
        """
from pyspark.sql import SparkSession
from sparkwright.pipeline_optimizer import create_pipeline_optimizer

spark = SparkSession.builder.getOrCreate()
optimizer = create_pipeline_optimizer(spark)
results = optimizer.execute_optimized_pipeline([{"name": "count", "type": "evaluation", "data": spark.range(7), "run": lambda data: data.count()}])
print("counted", results["outputs"]["count"], results["success"], optimizer.get_optimization_report()["pipeline_summary"]["mode"])
optimizer.cleanup()
""",
        encoding="utf-8",
    )
    printed = told_by(command(), "submit", "--mode", "off", "--master", "local[2]", str(script), folder=tmp_path)
    assert "counted 7 True off" in printed, printed
