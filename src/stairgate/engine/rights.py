"""What may be done with a permission: use it, hand it out, hand out the handing out (semantics §3)."""

from __future__ import annotations

from enum import StrEnum


class Right(StrEnum):
    """
    Which member of a permission is asked for. All three count under the same marks (semantics §3).

    `GRANT` is the right to hand out `allow`, `DELEGATE` to hand out `allow`, `grant` and `delegate`; so who may
    delegate may grant, too.
    """

    ALLOW = "allow"
    GRANT = "grant"
    DELEGATE = "delegate"
