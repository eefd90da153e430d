"""The version of this program, where whoever writes it into a file can read it."""

VERSION = "0.1.0"
