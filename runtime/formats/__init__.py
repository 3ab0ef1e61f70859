"""Text formats that external tools print or write; one module each, shared by whoever prints and whoever parses."""
