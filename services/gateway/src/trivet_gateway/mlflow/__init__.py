"""The REST protocol of MLflow, call by call."""
