"""A result as a trace for Perfetto's viewer: threads, sessions, counters, and arrows from send to process."""
