"""One policy decides how PySpark jobs scale, partition and cache."""
