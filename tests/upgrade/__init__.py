"""Datasets of earlier releases, and what today's code does with them."""
