"""Sends events to webhooks: by HTTP, signed, to addresses that may be reached."""
