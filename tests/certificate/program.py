"""A history as a PySpark program, which `spark-submit` and `sparkwright submit` run."""

import json
import textwrap
from pathlib import Path

from certificate import confs, ground
from certificate.history import History

TEMPLATE = '''"""{why}

    spark-submit {options} {name}.py
    sparkwright submit --environment production --set temp_tables.cache_strategy=always {options} {name}.py

What each statement saw is printed, a line each; the two must be the same.
"""

{ground}

{confs}


def main():
    builder = SparkSession.builder.appName("{name}")
    for key, value in CONFS.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    ground = Ground(spark, scratch())
    defaults = confs_of(spark)
    globals().update(ground.names())
{statements}
    for seen in ground.end(defaults)["seen"]:
        print(json.dumps(seen, default=str), flush=True)
    shutil.rmtree(ground.folder)


main()
'''


def text(history: History, why: str) -> str:
    """The program. A folder's name is kept out of it."""
    source = Path(ground.__file__).read_text(encoding="utf-8").split('"""', 2)[2].strip()
    # What the program is started with is none of its own confs.
    chosen = {key: value for key, value in confs.of_application(history.profile).items() if not key.startswith(("spark.ui", "spark.driver"))}
    statements = [step(at, statement) for at, statement in enumerate(history.data)]
    statements.append("    settled()")
    statements += [step(at, statement) for at, statement in enumerate(history.steps, len(history.data))]
    options = f"--master '{history.profile.master}' --driver-memory {history.profile.heap}"
    confs_text = f"CONFS = {json.dumps(chosen, indent=4)}"
    return TEMPLATE.format(
        why=why, name=f"certificate-{history.name}", options=options, ground=source, confs=confs_text, statements="\n".join(statements)
    )


def step(at: int, statement: str) -> str:
    """A statement whose error does not end the program."""
    return f"    with ground.step({at}):\n{textwrap.indent(statement, ' ' * 8)}"
