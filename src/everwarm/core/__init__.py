"""The pure core: no I/O, no clock, no randomness, no asyncio. Imports the standard library, orjson and ``errors``."""
