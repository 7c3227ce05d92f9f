"""Temp tables: their names, the registry, the check of queries on them, and their cleanup."""
