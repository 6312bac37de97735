"""What the program's verbs do, beside the service, the demo and the sandbox."""
