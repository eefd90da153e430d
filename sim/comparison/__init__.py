"""Results side by side: what differs between them, how sure that is, and what is beyond chance."""
