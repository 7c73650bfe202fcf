"""Past logs: what the caches gave, what they could have given, and what stood between."""
