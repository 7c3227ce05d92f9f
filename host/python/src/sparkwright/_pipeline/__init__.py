"""The parts of a pipeline's run: how stages are declared, what flows between them, and how one of them is carried out."""
