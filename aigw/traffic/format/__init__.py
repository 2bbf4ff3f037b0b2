"""What a recording is: made of a call without its secrets, kept in a folder, read again."""
