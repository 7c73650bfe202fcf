"""Bytes of one protocol <-> wire, both ways. One file a dialect."""
