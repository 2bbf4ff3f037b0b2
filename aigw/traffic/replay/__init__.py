"""Answering calls from the recordings of a folder."""
