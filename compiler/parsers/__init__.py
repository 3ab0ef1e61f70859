"""The parser compiler: a family preset and a model's shapes become the C++ source of a bounding-box parser."""
