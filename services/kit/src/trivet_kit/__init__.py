"""What every Trivet server needs, once."""
