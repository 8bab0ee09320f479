"""Real parts for the tests of Trivet: servers as subprocesses, PostgreSQL, tools; never a mock of any of them.

Tests get them as fixtures of `trivet_testing.plugin`, which pytest loads by itself wherever this package is installed.
"""
