"""How a release of Trivet is made; docs/releasing.md has the steps."""
