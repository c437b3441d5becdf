"""Names of things by their content: random streams and fingerprints."""

from __future__ import annotations

import hashlib
import json


def stream(*place: object) -> int:
    """The seed of one independent random stream, in [0, 2^63), named by its place in the experiment.

    `stream(seed, repeat, "batches", 3)` is the same on every machine, and independent of the seed at any other place.
    """
    text = "\x1f".join(str(part) for part in place)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def fingerprint(data: object) -> str:
    """Sixteen hex digits of the SHA-256 of plain data written as canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
