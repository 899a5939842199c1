"""The recorder: a process for each recording, which follows the rings into a file."""
