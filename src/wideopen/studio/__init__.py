"""The studio: one photo after another in the browser of one's own machine."""
