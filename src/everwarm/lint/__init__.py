"""Finds in programs, request bodies and logs what keeps prompts from being cached."""
