"""Models from remote sources: the Hugging Face hub, NVIDIA's NGC catalog, web addresses; and what a lock pins."""
