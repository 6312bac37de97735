"""A simulated Vast.ai: an HTTP market whose machines are real SSH servers with real Jupyter."""
