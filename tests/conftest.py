"""Makes the modules of this folder (strategies.py) importable from every test below it."""
