"""Training: how networks are learned. Needs the extra `research`."""
