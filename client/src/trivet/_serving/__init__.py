"""Serving a model over HTTP, by MLflow's scoring protocol. Needs the extra `serve`."""
