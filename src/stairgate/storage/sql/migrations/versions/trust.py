"""Invites and what the account keeps of its clients."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """From revision 0003."""
    _answers()
    _invites()
    _named_users()


def _invites() -> None:
    op.create_table(
        "invites",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("inviter", sa.Text(), nullable=False),
        sa.Column("linked_user", sa.Text(), nullable=True),
        sa.Column("expires_at", _WIDE, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_invites")),
    )
    for column in ("inviter", "linked_user", "expires_at"):
        op.create_index(op.f(f"ix_invites_{column}"), "invites", [column], unique=False)


def _named_users() -> None:
    named = op.create_table(
        "named_users",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("named_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "kind", "named_by", name=op.f("pk_named_users")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_named_users_kind_named_by"), "named_users", ["kind", "named_by"], unique=False)
    connection = op.get_bind()
    for kind, things in (("record", "records"), ("group", "groups")):
        table = sa.table(things, sa.column("id", sa.Text()), sa.column("document", sa.Text()))
        for name, document in connection.execute(sa.select(table.c.id, table.c.document)).all():
            rows = [{"user_id": user, "kind": kind, "named_by": name} for user in _users_in(json.loads(document))]
            if rows:
                op.bulk_insert(named, rows)


def _users_in(document: dict[str, Any]) -> list[str]:
    found = [*document["users"], *document["admins"]]
    for statement in document.get("statements", ()):
        found += statement["users"]
    return list(dict.fromkeys(found))


def _answers() -> None:
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
