"""The relay beside `ssh -L`, configurable-http-proxy in front of it, and no way at all."""
