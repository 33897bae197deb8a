"""How many examples a property is tried on."""

from __future__ import annotations

from hypothesis import settings


def examples(count: int) -> settings:
    """At most `count`; fewer under a profile that says so (`few`: sanitized, emulated)."""
    return settings(max_examples=min(count, settings.default.max_examples), deadline=None)
