"""Drawing diagrams without a browser: text that fits, layers, SVG and PNG."""
