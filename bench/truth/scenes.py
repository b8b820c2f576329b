"""The list of scenes."""

from __future__ import annotations

import scenes_night
import scenes_people
import scenes_plain
import scenes_things
import scenes_trees

RECIPES = (
    scenes_plain.RECIPES + scenes_night.RECIPES + scenes_things.RECIPES + scenes_trees.RECIPES + scenes_people.RECIPES
)
