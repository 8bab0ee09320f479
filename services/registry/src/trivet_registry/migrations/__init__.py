"""The schema's versions, as Alembic scripts; `trivet-registry migrate` applies them."""
