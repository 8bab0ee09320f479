"""The schema's versions, as Alembic scripts; `trivet-artifacts migrate` applies them."""
