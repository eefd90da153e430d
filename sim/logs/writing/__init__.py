"""A run written as a log in the server's own format and wording."""
