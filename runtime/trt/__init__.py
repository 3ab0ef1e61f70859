"""TensorRT's Python API: engines where trtexec is absent, and the opinion of NVIDIA's parser without a GPU."""
