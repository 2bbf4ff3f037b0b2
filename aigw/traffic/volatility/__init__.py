"""What of a request may vary from run to run without making it another request."""
