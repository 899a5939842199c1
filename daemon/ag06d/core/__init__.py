"""The process ag06d itself: state, bus, presets, supervision of its children. No audio, no plugins."""
