"""One policy decides how PySpark jobs scale, partition and cache."""

from .session import session

__all__ = ["session"]
