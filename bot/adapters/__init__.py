"""One outside thing each; strangers to one another."""
