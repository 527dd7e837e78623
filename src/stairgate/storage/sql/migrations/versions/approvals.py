"""Requests to other people, and their votes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """From revision 0001."""
    op.create_table(
        "requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("live", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", _WIDE, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_requester_id"), "requests", ["requester", "id"], unique=False)
    op.create_index(op.f("ix_requests_requester_live"), "requests", ["requester", "live"], unique=False)
    op.create_index(op.f("ix_requests_status_id"), "requests", ["status", "id"], unique=False)
    op.create_table(
        "request_groups",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "request_id", name=op.f("pk_request_groups")),
    )
    op.create_index(op.f("ix_request_groups_request_id"), "request_groups", ["request_id"], unique=False)
