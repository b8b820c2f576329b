"""How good a picture is, by protocols with names."""
