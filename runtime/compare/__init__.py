"""Comparing figures: what is compared, what counts as noise, where the figures come from, and the tables."""
