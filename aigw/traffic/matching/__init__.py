"""How a request finds its recording, and what to say if it finds none."""
