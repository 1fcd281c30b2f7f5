"""Properties: what must hold whatever happens, tried on thousands of generated histories."""
