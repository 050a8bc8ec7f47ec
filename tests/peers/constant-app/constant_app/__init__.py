"""Adds a constant to whatever arrays it is given, as a Flower app."""
