"""Diagnostics as text for people (terminal) and for programs (JSON, GitHub annotations, SARIF)."""
