"""Statistical detectors: how unlikely what is heard is, by what this studio sounded like until now."""
