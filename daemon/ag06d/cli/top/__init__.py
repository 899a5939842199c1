"""The live view: `ag06ctl top`, and `ag06d run --view` (`make run`)."""
