"""The user study: people compare results with the camera's photo, blind, and their opinions become MOS."""
