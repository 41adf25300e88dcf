"""Work on several processes or machines, and ahead of time in a thread."""
