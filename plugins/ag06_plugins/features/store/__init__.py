"""The feature store: rows by view, entity and time, the same for a live model and for a training run."""
