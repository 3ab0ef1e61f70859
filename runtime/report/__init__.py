"""The benchmark report: its data, and the documents made from it."""
