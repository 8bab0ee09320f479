"""What a run notes without being asked: each module has one thing, `run_capture` brings them together."""
