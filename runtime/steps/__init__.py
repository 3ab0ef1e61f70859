"""One module per step kind: what running such a step means."""
