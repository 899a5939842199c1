"""Audio faults: which kinds there are, and when a measure of one is a fault; pure."""
