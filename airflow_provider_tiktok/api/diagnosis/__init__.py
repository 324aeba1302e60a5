"""Whether a connection works: in one sentence (``check``), or part by part (``examination``)."""
