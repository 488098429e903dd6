"""Stands in for scikit-learn where it does not run: its bundled digits, and no more."""
