"""A daemon for the Yamaha AG06: real-time DSP in C, plugins that watch every frame."""
