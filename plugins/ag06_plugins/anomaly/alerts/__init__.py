"""Alerts: their life, what is kept of them, and what people say of them."""
