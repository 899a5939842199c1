"""What more than one of the plugins here needs."""
