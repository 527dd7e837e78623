"""The whole surface on one page: step-up here, the management API beside its handlers."""

from __future__ import annotations

from stairgate.api.call import Route

# The management API joins here, as `*AUTHRESS` from `stairgate.api.handlers.authress.routes`.
ROUTES: tuple[Route, ...] = ()
