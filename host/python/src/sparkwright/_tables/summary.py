"""Reports on temp tables, with the keys of the Python original and more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .._spark import StoredSize
from .registry import MIB, Table, stored_bytes


def table_info(table: Table, size: StoredSize | None, now_ms: int) -> dict[str, Any]:
    """Everything known of one table. `size_mb` (MiB) is what Spark stores; times are Unix times in seconds."""
    rows = table.rows if table.rows is not None else (size["rows"] if size else None)
    return {
        "table_name": table.name,
        "spark_name": table.read_as,
        "stored_as": table.stored_as,
        "stage": table.stage,
        "optimize_for": table.processing,
        "kind": table.kind,
        "is_cached": table.kind == "cached_view",
        "level": table.level,
        "files": size["files"] if size and table.kind == "table" else 0,
        "partitioning": table.partitioning,
        "partition_columns": list(table.columns),
        "compression": table.compression,
        "row_count": rows,
        "row_count_source": table.rows_source if table.rows is not None else ("stored" if rows is not None else None),
        "column_count": table.column_count,
        "size_mb": stored_bytes(size) / MIB,
        "memory_bytes": size["memory_bytes"] if size else None,
        "disk_bytes": size["disk_bytes"] if size else None,
        "cached_partitions": size["cached_partitions"] if size else None,
        "partitions": size["partitions"] if size else None,
        "estimated_size_mb": (table.input_bytes if table.input_bytes is not None else stored_bytes(size)) / MIB,
        "creation_time": table.created_ms / 1000,
        "last_accessed": table.last_access_ms / 1000,
        "idle_seconds": max(now_ms - table.last_access_ms, 0) / 1000,
        "access_count": table.reads,
        "read_by": dict(table.read_by),
        "remaining_uses": table.remaining_uses,
        "why": table.why,
    }


def all_tables(tables: Sequence[Table], sizes: Mapping[str, StoredSize], now_ms: int) -> dict[str, Any]:
    """All tables, by stage and by name."""
    infos = [table_info(table, sizes.get(table.stored_as), now_ms) for table in tables]
    stages: dict[str, dict[str, Any]] = {}
    for info in infos:
        stage = stages.setdefault(info["stage"], {"table_count": 0, "tables": []})
        stage["table_count"] += 1
        stage["tables"].append(info)
    return {
        "total_tables": len(infos),
        "total_size_mb": sum(info["size_mb"] for info in infos),
        "cached_tables": sum(info["is_cached"] for info in infos),
        "stages": stages,
        "tables": {info["table_name"]: info for info in infos},
    }


def performance_summary(tables: Sequence[Table], sizes: Mapping[str, StoredSize], dropped: int, now_ms: int) -> dict[str, Any]:
    """The report on temp tables.

    `storage_efficiency` is the share, 0 to 1, of stored bytes that belong to current tables. The rest are files of superseded tables that a
    cleanup has not dropped yet. Only reads through the manager are counted, not those by `spark.table(name)`.
    """
    current = [table for table in tables if not table.superseded]
    size_of = {id(table): stored_bytes(sizes.get(table.stored_as)) for table in tables}
    total = sum(size_of.values())
    useful = sum(size_of[id(table)] for table in current)
    reads = sum(table.reads for table in current)
    most = max(current, key=lambda table: table.reads, default=None)
    return {
        "total_tables": len(current),
        "total_size_mb": total / MIB,
        "cached_tables": sum(table.kind == "cached_view" for table in current),
        "stage_distribution": dict(Counter(table.stage for table in current)),
        "access_patterns": {
            "total_accesses": reads,
            "average_accesses_per_table": reads / len(current) if current else 0.0,
            "most_accessed_table": most.name if most is not None and most.reads else None,
            "never_read": [table.name for table in current if not table.reads],
            "by_table": {
                table.name: {
                    "accesses": table.reads,
                    "read_by": dict(table.read_by),
                    "idle_seconds": max(now_ms - table.last_access_ms, 0) / 1000,
                }
                for table in current
            },
        },
        "storage_efficiency": useful / total if total else 1.0,
        "memory_mb": sum((sizes[table.stored_as]["memory_bytes"] or 0) for table in tables if table.stored_as in sizes) / MIB,
        "disk_mb": sum((sizes[table.stored_as]["disk_bytes"] or 0) for table in tables if table.stored_as in sizes) / MIB,
        "kinds": dict(Counter(table.kind for table in current)),
        "dropped_tables": dropped,
    }
