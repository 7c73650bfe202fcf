"""Prompts that break caches, as they went out before and as they go out now, before simulated caches."""
