"""Logging of trainings unasked: what is patched where somebody asks for it, and how it is undone."""
