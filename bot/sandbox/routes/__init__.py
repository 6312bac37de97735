"""The simulated market's HTTP: Vast's own routes and the control API, over one `World`."""
