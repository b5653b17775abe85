"""Learn: what the months say, and what changes because of it."""
