"""The data set: pairs of one scene, sharp throughout and with a shallow depth of field."""
