"""Who calls: bearer tokens of several issuers, Trivet's own tokens, and client certificates."""
