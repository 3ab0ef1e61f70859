"""Checkpoints become ONNX files, in an environment of their own."""
