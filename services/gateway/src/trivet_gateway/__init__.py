"""The HTTP gateway of Trivet."""
