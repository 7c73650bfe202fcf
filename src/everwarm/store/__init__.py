"""Bytes at rest: answers in memory and in SQLite."""
