"""Gallery and usage report, as a browser and a reader see them."""
