"""The tracking service: experiments, runs, params, metrics, tags."""
