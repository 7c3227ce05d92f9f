"""Cases in which an automatic cache would be tempted, and would be wrong. See `hostile.py`."""
