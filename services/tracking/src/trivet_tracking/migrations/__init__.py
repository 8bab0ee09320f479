"""The schema's versions, as Alembic scripts; `trivet-tracking migrate` applies them."""
