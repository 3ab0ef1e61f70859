"""The search for the batch that carries the most camera streams: probes, a fitted curve, real pipeline runs."""
