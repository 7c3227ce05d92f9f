"""The optimization report: what a pipeline did, how long it took, its bottlenecks and recommendations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import html


class OptimizationReport(dict[str, Any]):
    """The report as a dict; a notebook shows it as tables."""

    def html(self) -> str:
        """The report as a notebook shows it."""
        summary, performance = self["pipeline_summary"], self["performance_report"]
        stages: Sequence[Mapping[str, Any]] = summary["stages"]
        longest = max([stage["execution_time"] for stage in stages], default=0.0)
        rows = [
            (
                stage["name"],
                stage["type"],
                "done" if stage["success"] else f"failed: {stage['error']}",
                f"{stage['execution_time']:.2f} s",
                html.share_bar(stage["execution_time"] / longest if longest > 0 else 0.0),
                _shown(stage["executors"]),
                _shown(stage["kept_as"]),
            )
            for stage in stages
        ]
        head = (
            f"{summary['successful_stages']} of {summary['total_stages']} stages in {performance['total_execution_time']:.2f} s; target "
            f"{summary['optimization_target']}; environment {summary['environment'] or 'built-in'}; {_steering(summary)}; trend "
            f"{str(performance['performance_trend']).replace('_', ' ')}"
        )
        return html.block(
            "Sparkwright pipeline",
            html.paragraph(head),
            html.table(("stage", "type", "state", "time", "", "executors", "kept as"), rows),
            html.items("What held it up", performance["bottlenecks"]),
            html.items("What would help", self["recommendations"]),
        )

    def _repr_html_(self) -> str:
        return self.html()


def _shown(value: object) -> str:
    return "-" if value is None else str(value)


def _steering(summary: Mapping[str, Any]) -> str:
    return f"mode {summary['mode']}" if summary["steered"] else "unsteered"


def stage_line(result: Mapping[str, Any]) -> dict[str, Any]:
    """The line of a stage in a summary."""
    kept, scaling = result["temp_table_results"], result["scaling_results"]
    return {
        "name": result["name"],
        "type": result["type"],
        "success": result["success"],
        "error": result["error"],
        "execution_time": result["execution_time"],
        "executors": scaling.get("planned_executors"),
        "kept_as": kept.get("kind") if kept.get("kept") else None,
    }


def performance_report(stages: Sequence[Mapping[str, Any]], review: Mapping[str, Any] | None) -> dict[str, Any]:
    """Times in seconds, and the policy's review of them. `review` is the host's answer, `None` if there was none."""
    times = [float(stage["execution_time"]) for stage in stages]
    answer: Mapping[str, Any] = {} if review is None else review["answer"]
    report: Mapping[str, Any] = answer.get("report") or {}
    details: Sequence[Mapping[str, Any]] = answer.get("bottlenecks") or ()
    return {
        "total_execution_time": sum(times),
        "average_stage_time": sum(times) / len(times) if times else 0.0,
        "fastest_stage_time": min(times, default=0.0),
        "slowest_stage_time": max(times, default=0.0),
        "total_stages": len(times),
        "performance_trend": answer["trend"]["value"] if answer else "insufficient_data",
        "bottlenecks": _prose(review, "bottlenecks"),
        "bottleneck_details": list(details),
        "slots_used": report.get("slots_used"),
        "cost": report.get("cost"),
        "reviewed": bool(answer),
    }


def recommendations(review: Mapping[str, Any] | None) -> list[str]:
    """The recommendations of a review, one sentence each."""
    return _prose(review, "recommendations")


def _prose(review: Mapping[str, Any] | None, of: str) -> list[str]:
    prose: Mapping[str, list[str]] = {} if review is None else review["prose"]
    return list(prose.get(of) or [])
