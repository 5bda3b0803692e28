"""A kept self-check says which checks ran, how long it took, and what each of them found."""

import sqlalchemy as sa
from alembic import op

revision = "0014_audit"
down_revision = "0013_corrections"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("audit_run") as batch:
        batch.add_column(sa.Column("milliseconds", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("checks", sa.JSON(), nullable=False, server_default="[]"))
        batch.add_column(sa.Column("program_version", sa.String(length=24), nullable=False, server_default=""))
    with op.batch_alter_table("audit_run") as batch:  # the defaults were for the rows that were there
        for name in ("milliseconds", "checks", "program_version"):
            batch.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("audit_run") as batch:
        for name in ("program_version", "checks", "milliseconds"):
            batch.drop_column(name)
