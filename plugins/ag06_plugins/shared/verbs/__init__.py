"""What the verbs of several plugins share: files of tables, and how far something is."""
