"""From a call at the door to its file, by a process of its own."""
