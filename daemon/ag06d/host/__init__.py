"""A plugin host: one process that gives every hop of sound to its plugins, each behind its own fence."""
