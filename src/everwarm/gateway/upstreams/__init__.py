"""Whoever gives answers: the model inside, and providers over HTTP."""
