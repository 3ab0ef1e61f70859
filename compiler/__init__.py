"""Pure functions from recipe text to a plan: no network, no subprocess, no clock, no environment."""
