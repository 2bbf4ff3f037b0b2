"""Retrieval: reading, cutting and embedding texts, and finding passages for a question.

Rule: torch, onnxruntime, faiss and other heavy packages are imported inside the functions that use them."""
