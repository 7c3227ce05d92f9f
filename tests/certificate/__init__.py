"""The certificate: programs drawn at random run on real Spark twice, alone and steered, and must not be told apart. See `__main__.py`."""
