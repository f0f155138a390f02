"""The process that owns the model: reads requests on stdin, writes results on stdout, knows no editor."""
