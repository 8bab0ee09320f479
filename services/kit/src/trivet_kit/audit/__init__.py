"""Who did what: an event for each call that changes something or is turned away, in the log and in the database."""
