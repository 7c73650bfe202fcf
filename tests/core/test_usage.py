"""Tokens add up."""

from everwarm.core.usage import Usage


def test_the_parts_are_disjoint() -> None:
    usage = Usage(uncached=5, cache_read=7, output=11, cache_write=13, reasoning=2)
    assert usage.prompt == 25
    assert usage.total == 36
