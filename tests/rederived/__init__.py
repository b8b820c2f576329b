"""The zoo's networks, derived a second time from their tables alone; nothing here is shared with the zoo."""
