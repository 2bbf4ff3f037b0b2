"""A recorded run sent again, under another configuration, or beside another run."""
