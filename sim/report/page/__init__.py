"""Pages: one self-contained HTML file from sections of text, tables and pictures, which forbids itself the network."""
