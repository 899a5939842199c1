"""The programs that people run: `ag06d` and `ag06ctl`."""
