"""The ten solutions of the challenge, and its baseline, as networks; needs the extra research."""
