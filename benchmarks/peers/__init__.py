"""One module per peer; each has `simulate(calls, seed, hold_s) -> list of INVITE→answer latencies in seconds`."""
