"""Training of the built-in scene network: depth and subject from one photo."""
