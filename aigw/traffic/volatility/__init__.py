"""The values of a request that may vary from run to run without making it another request."""
