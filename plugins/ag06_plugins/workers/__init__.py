"""Worker processes of plugins: how they are started, spoken to, and ended."""
