"""Logs of pipelines, engine builds and compilers, explained by rules that are data."""
