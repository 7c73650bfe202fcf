"""Calls and what became of their prompts -> figures: sums, groups, pictures, repairs."""
