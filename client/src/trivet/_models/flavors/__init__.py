"""The flavors that Trivet has itself, a module each with a constant `FLAVOR`."""
