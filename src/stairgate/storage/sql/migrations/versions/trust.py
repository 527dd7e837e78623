"""Invites and what the account keeps of its clients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """From revision 0003."""
    op.create_table(
        "remembered_answers",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("shown_until", _WIDE, nullable=False),
        sa.Column("expires_at", _WIDE, nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_remembered_answers")),
    )
    op.create_index(op.f("ix_remembered_answers_expires_at"), "remembered_answers", ["expires_at"], unique=False)
