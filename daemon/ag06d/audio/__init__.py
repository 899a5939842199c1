"""The audio process: opens a device, hands it the C callback, and from then on only watches."""
