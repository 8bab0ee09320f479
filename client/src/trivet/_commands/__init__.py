"""The commands of `trivet`: a thin layer over `trivet.Client`. Needs the extra `cli`."""
