"""Speed of the engines beside programs of the same call flow in other simulators, measured in one run."""
