"""From facts about a model to a recipe: which family it is, on what evidence, and how its input is made. Pure."""
