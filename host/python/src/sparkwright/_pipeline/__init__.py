"""The parts of a pipeline's run: declared stages, the outputs passed between them, and the run of one stage."""
