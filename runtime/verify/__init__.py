"""Holding a compiled parser against an independent implementation of its family's post-processing."""
