"""Passes over ONNX graphs, each proven by running the model before and after."""
