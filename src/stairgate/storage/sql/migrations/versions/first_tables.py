"""The tables of the first release: access, trust, step-up and the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """From nothing."""
    _journal()
    _access()
    _trust()
    _step_up()


def _journal() -> None:
    op.create_table(
        "facts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "changes",
        sa.Column("revision", _WIDE, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_changes")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_entries",
        sa.Column("number", _WIDE, autoincrement=False, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entries")),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", _WIDE, autoincrement=False, nullable=False),
        sa.Column("number", _WIDE, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )


def _access() -> None:
    op.create_table(
        "records",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("folded_id", sa.Text(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_records")),
    )
    op.create_index(op.f("ix_records_status_id"), "records", ["status", "id"], unique=False)
    op.create_table(
        "statements",
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("position", _WIDE, autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "position", name=op.f("pk_statements")),
    )
    op.create_table(
        "grants",
        sa.Column("principal_kind", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("position", _WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("principal_kind", "principal_id", "record_id", "position", name=op.f("pk_grants")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_grants_record_id"), "grants", ["record_id"], unique=False)
    op.create_table(
        "statement_resources",
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("position", _WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("resource", "record_id", "position", name=op.f("pk_statement_resources")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_statement_resources_record_id"), "statement_resources", ["record_id"], unique=False)
    op.create_table(
        "roles",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
    )
    op.create_table(
        "groups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("folded_id", sa.Text(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
    )
    op.create_table(
        "memberships",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "group_id", name=op.f("pk_memberships")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_memberships_group_id"), "memberships", ["group_id"], unique=False)
    op.create_table(
        "resources",
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pattern", name=op.f("pk_resources")),
    )


def _trust() -> None:
    op.create_table(
        "clients",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
    )
    op.create_table(
        "issuers",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", name=op.f("pk_issuers")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _WIDE, nullable=False),
        sa.Column("retired", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )


def _step_up() -> None:
    op.create_table(
        "factors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _WIDE, nullable=False),
        sa.Column("usable_from", _WIDE, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("counter", _WIDE, nullable=False),
        sa.Column("last_used_at", _WIDE, nullable=True),
        sa.Column("disabled", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_factors")),
    )
    op.create_index(op.f("ix_factors_user_id_created_at"), "factors", ["user_id", "created_at"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("factor", sa.Text(), nullable=False),
        sa.Column("failures", _WIDE, nullable=False),
        sa.Column("last_failure_at", _WIDE, nullable=True),
        sa.PrimaryKeyConstraint("user_id", "factor", name=op.f("pk_attempts")),
    )
    op.create_table(
        "standings",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("wrong_answers", _WIDE, nullable=False),
        sa.Column("barred_until", _WIDE, nullable=True),
        sa.Column("not_me", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_standings")),
    )
    op.create_table(
        "challenges",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", _WIDE, nullable=False),
        sa.Column("version", _WIDE, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenges")),
    )
    op.create_index(op.f("ix_challenges_token_state"), "challenges", ["token", "state"], unique=False)
    op.create_index(op.f("ix_challenges_user_id_opened_at"), "challenges", ["user_id", "opened_at"], unique=False)
    op.create_table(
        "tickets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("challenge_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
    )
    op.create_table(
        "elevations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("challenge_id", sa.Text(), nullable=False),
        sa.Column("issued_at", _WIDE, nullable=False),
        sa.Column("expires_at", _WIDE, nullable=False),
        sa.Column("uses_left", _WIDE, nullable=True),
        sa.Column("ended_at", _WIDE, nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_elevations")),
        sa.UniqueConstraint("challenge_id", name=op.f("uq_elevations_challenge_id")),
    )
    op.create_index(
        op.f("ix_elevations_token_user_id_expires_at"), "elevations", ["token", "user_id", "expires_at"], unique=False
    )
    op.create_index(op.f("ix_elevations_user_id_expires_at"), "elevations", ["user_id", "expires_at"], unique=False)
    op.create_table(
        "taken_uses",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("elevation_id", sa.Text(), nullable=False),
        sa.Column("taken_at", _WIDE, nullable=False),
        sa.PrimaryKeyConstraint("client_id", "key", name=op.f("pk_taken_uses")),
    )
