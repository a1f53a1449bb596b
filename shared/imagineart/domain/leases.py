"""Rights that end by themselves, so that a request which crashes keeps none for ever."""

from typing import Final

LEASE_MARGIN_SECONDS: Final = 5.0
"""A lease outlives its request by this, so that clocks may differ a little."""
