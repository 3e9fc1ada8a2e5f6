"""Name servers side by side on loopback: see README.md."""
