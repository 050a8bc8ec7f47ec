"""Softmax regression in NumPy as a Flower app."""
