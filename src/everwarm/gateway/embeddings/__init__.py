"""``POST /v1/embeddings``, input by input."""
