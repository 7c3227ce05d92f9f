"""Temp tables: their names, what is known of them, who may read what, and how what is left of them goes."""
