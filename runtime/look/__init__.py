"""Looking at a source before there is a recipe: what lies there, and what its model does when it is run."""
