"""What registered factors and their delivery keep."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """From revision 0004."""
    op.create_table(
        "enrolments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("most", sa.SmallInteger(), nullable=False),
        sa.Column("first", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", _WIDE, nullable=False),
        sa.Column("expires_at", _WIDE, nullable=False),
        sa.Column("wrong_answers", _WIDE, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolments")),
    )
    op.create_index(op.f("ix_enrolments_user_id_created_at"), "enrolments", ["user_id", "created_at"], unique=False)
    op.create_table(
        "account_links",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created_at", _WIDE, nullable=False),
        sa.Column("expires_at", _WIDE, nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("token_expires_at", _WIDE, nullable=True),
        sa.Column("enrols", sa.SmallInteger(), nullable=False),
        sa.Column("entered", sa.SmallInteger(), nullable=False),
        sa.Column("spent", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_links")),
    )
    op.create_index(
        op.f("ix_account_links_user_id_created_at"), "account_links", ["user_id", "created_at"], unique=False
    )
