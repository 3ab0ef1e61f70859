"""The demonstration: a real detector and a real clip from the package registry. Not part of the distribution."""
