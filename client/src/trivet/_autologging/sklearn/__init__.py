"""Autologging of scikit-learn."""
