"""Everything with an effect: it executes plans and records what happened. It knows step kinds, not models."""
