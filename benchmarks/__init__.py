"""Figures of speed, each beside its floor or a peer, in one run: ``make bench``."""
