"""Measures zenbeat beside what one would use instead: `python -m bench`."""
