"""What is measured, in the text that Prometheus reads."""
