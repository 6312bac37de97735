"""SSH to rented machines: our key, one connection a rental, commands and forwards."""
