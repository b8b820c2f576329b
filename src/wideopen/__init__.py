"""Realistic bokeh from one ordinary photo."""
